//! Where the node file says something that turns out wrong only beside the rest of the machine.

use std::fmt::Display;
use std::path::Path;

use toml::de::DeTable;

/// What is wrong, with the file and the line of the key that asks for it; without, where there is no
/// such line, or no file any more.
pub fn blame(file: Option<&Path>, key: &str, what: impl Display) -> String {
    let place = file.and_then(|file| {
        let line = line(&super::read_bounded(file).ok()?, key)?;
        Some(format!(" (`{key}` at {}:{line})", file.display()))
    });
    format!("{what}{}", place.unwrap_or_default())
}

fn line(text: &str, key: &str) -> Option<usize> {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut keys = document.get_ref().keys();
    let found = keys.find(|it| it.get_ref().as_ref() == key)?;
    Some(text.get(..found.span().start)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_key_is_found_and_an_absent_one_is_not() {
        let text = "# site = 's'\nnode = 'n1'\n\nsite = 'site'\n[fdb]\nkey = 1\n";
        assert_eq!(line(text, "node"), Some(2));
        assert_eq!(line(text, "site"), Some(4));
        assert_eq!(line(text, "key"), None, "of another table");
    }

    #[test]
    fn without_a_file_only_the_words_are_left() {
        assert_eq!(blame(None, "node", "wrong"), "wrong");
        assert_eq!(blame(Some(Path::new("/no/file")), "node", "wrong"), "wrong");
    }
}
