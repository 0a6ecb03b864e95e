//! Columns for people: as wide as their widest cell, two spaces between, no frame.

/// A table under construction.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// Column titles; a title that starts with `>` makes a column of numbers.
    pub fn new<const N: usize>(titles: [&str; N]) -> Self {
        let right = titles.iter().map(|it| it.starts_with('>')).collect();
        let titles = titles.map(|it| it.trim_start_matches('>').to_uppercase());
        Self {
            rows: vec![titles.into()],
            right,
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The text, one line a row.
    pub fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if *right { (&*pad, "") } else { ("", &*pad) };
                line.push_str(before);
                line.push_str(cell);
                line.push_str(after);
                line.push_str("  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// What stands where there is nothing to say.
pub fn dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_right() {
        let mut table = Table::new(["port", ">frames", "why"]);
        table.row(["n1/b-i1".into(), "7".into(), String::new()]);
        table.row(["n1/b".into(), "123456789".into(), "\u{e9}t\u{e9}".into()]);
        let expected = "\
PORT        FRAMES  WHY
n1/b-i1          7
n1/b     123456789  \u{e9}t\u{e9}
";
        assert_eq!(table.render(), expected);
    }
}
