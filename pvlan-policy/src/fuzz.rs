//! What fuzzing runs: a function that takes bytes and panics when something does not hold. The
//! program around it, and the inputs worth keeping, are in `overlay/fuzz`.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "to panic is what a target is for"
)]

use crate::{Policy, Severity, Source, check, check_against, diff, render};

/// Any text is answered. Every diagnostic lies inside it; a file that is refused is told why; one
/// that is accepted is proved, gives nobody anything when it follows itself, and gives the same
/// digest twice.
pub fn site(bytes: &[u8]) {
    let source = Source {
        name: "fuzz.toml".to_owned(),
        text: String::from_utf8_lossy(bytes).into_owned(),
    };
    let checked = check(&source);
    let mut errors = 0;
    for diagnostic in &checked.diagnostics {
        errors += usize::from(diagnostic.severity == Severity::Error);
        for label in std::iter::once(&diagnostic.primary).chain(&diagnostic.labels) {
            let (start, end) = (label.span.start, label.span.end);
            let place = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            let (start, end) = place.expect("a place");
            assert!(source.text.get(start..end).is_some(), "{diagnostic:?}");
            assert!(label.at.line >= 1 && label.at.column >= 1 && label.at <= label.end);
        }
    }
    let shown = render(&source, &checked.diagnostics, false);
    assert_eq!(shown.is_empty(), checked.diagnostics.is_empty());
    if let Some(proof) = &checked.proof {
        assert!(proof.claims.iter().all(crate::Claim::holds), "{proof:?}");
    }
    let (Some(site), Some(fabric)) = (&checked.site, &checked.fabric) else {
        assert!(errors > 0, "refused without a reason");
        return;
    };
    assert_eq!(errors, 0, "accepted with errors");
    let policy = Policy { site, fabric };
    assert_eq!(diff(policy, policy).changes.len(), 0);
    let again = check_against(&source, policy, true);
    let digest = again.fabric.map(|it| it.digest);
    assert_eq!(digest, Some(fabric.digest), "{:?}", again.diagnostics);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_input_that_was_kept_still_holds() {
        skerry_fuzz::replay("site", super::site);
    }
}
