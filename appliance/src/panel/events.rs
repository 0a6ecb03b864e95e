//! Events as lines of JSON.

use serde_json::{Value, json};
use skerry_gbdisplay::panel::{Event, What};

/// The schema of a line.
const SCHEMA: &str = "skerry.panel-event/1";

/// One event.
pub(super) fn json(event: &Event) -> Value {
    let mut facts = match &event.what {
        What::Up => json!({"event": "up"}),
        What::Down(cause) => json!({"event": "down", "cause": cause_name(*cause)}),
        What::Navigated {
            page,
            entry,
            is_open,
        } => json!({"event": "navigated", "page": page, "entry": entry, "open": is_open}),
        What::Acknowledged { alert, after_ms } => {
            json!({"event": "acknowledged", "alert": alert, "after_ms": after_ms})
        }
        What::Approved { decision } => json!({"event": "approved", "decision": decision}),
        What::Vetoed { decision } => json!({"event": "vetoed", "decision": decision}),
        What::Pause => json!({"event": "pause"}),
        What::Resume => json!({"event": "resume"}),
        What::Shown {
            of,
            key_to_shown_us,
            fill_us,
        } => json!({
            "event": "shown",
            "of": of,
            "key_to_shown_us": key_to_shown_us,
            "fill_us": fill_us,
        }),
    };
    if let Some(object) = facts.as_object_mut() {
        object.insert("schema".to_owned(), SCHEMA.into());
        object.insert("number".to_owned(), event.number.into());
        object.insert("at_us".to_owned(), event.at_us.into());
    }
    facts
}

/// What whoever has a console of plastic must know, in words; nothing of what he did himself.
pub(super) fn words(what: &What) -> Option<String> {
    use skerry_gbdisplay::link::Cause;
    let cause = match what {
        What::Up => return Some("the console answers".to_owned()),
        What::Down(cause) => *cause,
        What::Navigated { .. }
        | What::Acknowledged { .. }
        | What::Approved { .. }
        | What::Vetoed { .. }
        | What::Pause
        | What::Resume
        | What::Shown { .. } => return None,
    };
    let words = match cause {
        Cause::Unplugged => {
            "nobody answers (unplugged): is the cable in, and the console on? Are the two data lines \
             swapped?"
        }
        Cause::Silent => {
            "nothing but zeros comes back (silent): is the cartridge in, and the console on? Are the \
             two data lines swapped?"
        }
        Cause::Noise => {
            "what comes back makes no sense (noise): is it the panel's cartridge? Is the adapter too \
             fast, or the cable too long?"
        }
        Cause::Restarted => "the console was switched off and on (restarted)",
        Cause::Version(version) => {
            return Some(format!(
                "the cartridge speaks version {version} of the protocol, this program version {}: \
                 write it anew, see `skerry panel rom`",
                skerry_gbdisplay::PROTOCOL
            ));
        }
        Cause::Deaf => {
            "the console speaks and does not hear (deaf): is the data line to it broken?"
        }
    };
    Some(words.to_owned())
}

fn cause_name(cause: skerry_gbdisplay::link::Cause) -> String {
    use skerry_gbdisplay::link::Cause;
    match cause {
        Cause::Unplugged => "unplugged".to_owned(),
        Cause::Silent => "silent".to_owned(),
        Cause::Noise => "noise".to_owned(),
        Cause::Restarted => "restarted".to_owned(),
        Cause::Version(version) => format!("version {version}"),
        Cause::Deaf => "deaf".to_owned(),
    }
}
