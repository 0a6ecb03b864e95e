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

fn cause_name(cause: skerry_gbdisplay::link::Cause) -> String {
    use skerry_gbdisplay::link::Cause;
    match cause {
        Cause::Unplugged => "unplugged".to_owned(),
        Cause::Silent => "silent".to_owned(),
        Cause::Noise => "noise".to_owned(),
        Cause::Restarted => "restarted".to_owned(),
        Cause::Version(version) => format!("version {version}"),
    }
}
