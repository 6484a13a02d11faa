//! Tables that read well on a terminal and as Markdown.

use std::fmt;

/// A table: a header, and rows of as many cells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
	header: Vec<String>,
	rows: Vec<Vec<String>>,
}

impl Table {
	/// A table without rows.
	pub fn new(header: &[&str]) -> Self {
		Self { header: header.iter().map(|cell| cell.to_string()).collect(), rows: Vec::new() }
	}

	/// Adds a row. Cells that are missing stay empty; more than the header has are an error of the caller.
	pub fn push(&mut self, mut row: Vec<String>) {
		assert!(row.len() <= self.header.len(), "{} cells under {} headings", row.len(), self.header.len());
		row.resize(self.header.len(), String::new());
		self.rows.push(row);
	}
}

impl fmt::Display for Table {
	/// The first column is aligned to the left, all others to the right.
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		let width = |column: usize| {
			let cells = self.rows.iter().chain([&self.header]).filter_map(|row| row.get(column));
			cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
		};
		let widths: Vec<_> = (0..self.header.len()).map(width).collect();
		let line = |row: &[String]| {
			let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
				0 => format!(" {cell:<width$} "),
				_ => format!(" {cell:>width$} "),
			});
			format!("|{}|", cells.collect::<Vec<_>>().join("|"))
		};
		writeln!(f, "{}", line(&self.header))?;
		let rules = widths.iter().enumerate().map(|(column, width)| match column {
			0 => "-".repeat(width + 2),
			_ => format!("{}:", "-".repeat(width + 1)),
		});
		writeln!(f, "|{}|", rules.collect::<Vec<_>>().join("|"))?;
		self.rows.iter().try_for_each(|row| writeln!(f, "{}", line(row)))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn table_should_align_its_columns() {
		let mut table = Table::new(&["what", "n"]);
		table.push(vec!["a".into(), "12 %".into()]);
		table.push(vec!["½ of it".into()]);
		assert_eq!(
			table.to_string(),
			"| what    |    n |\n|---------|-----:|\n| a       | 12 % |\n| ½ of it |      |\n"
		);
	}
}
