//! Tables for a terminal: columns that stand straight whatever the lengths.

use std::io::{self, Write};

/// Rows under a heading. Columns whose heading begins with `>` stand to the right.
pub(in crate::cli) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(in crate::cli) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.headings.len());
        self.rows.push(cells);
    }

    /// Writes the table, two spaces from the left and between columns, without spaces at the ends of lines.
    pub(in crate::cli) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let titles: Vec<String> =
            self.headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
        let widths: Vec<usize> =
            (0..titles.len()).map(|column| self.width(column, &titles[column])).collect();
        for cells in std::iter::once(&titles).chain(&self.rows) {
            let line: String =
                (0..cells.len()).map(|column| self.cell(column, &cells[column], &widths)).collect();
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn width(&self, column: usize, title: &str) -> usize {
        let cells = self.rows.iter().map(|cells| cells[column].chars().count());
        cells.chain([title.chars().count()]).max().unwrap_or(0)
    }

    fn cell(&self, column: usize, text: &str, widths: &[usize]) -> String {
        let width = widths[column];
        if self.headings[column].starts_with('>') {
            format!("  {text:>width$}")
        } else {
            format!("  {text:width$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_straight() {
        let mut table = Table::new(&["hub", ">users"]);
        table.row(vec!["hub-with-a-name".to_owned(), "7".to_owned()]);
        table.row(vec!["é".to_owned(), "1234567".to_owned()]);
        let mut out = Vec::new();

        table.write(&mut out).unwrap();

        let expected = "  hub                users\n  hub-with-a-name        7\n  é                1234567\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
