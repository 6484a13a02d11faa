//! Contact sheets: pictures in a grid, each with its prompt printed below.

use anyhow::{bail, Result};
use image::{imageops, Rgb, RgbImage};

/// Pixels of a cell's side: 64-pixel pictures are shown at three times their size.
const CELL: u32 = 192;
const MARGIN: u32 = 12;
/// Size of a glyph in pixels, with one pixel of space at the right; drawn at twice its size.
const GLYPH: (u32, u32) = (6, 8);
const PAPER: Rgb<u8> = Rgb([252, 252, 250]);
const INK: Rgb<u8> = Rgb([40, 40, 44]);

/// Lays the pictures out in rows of `columns`, with their captions below; captions break at spaces.
///
/// # Errors
/// If there is no picture or no column.
pub fn contact_sheet(pictures: &[(String, RgbImage)], columns: u32) -> Result<RgbImage> {
	if pictures.is_empty() || columns == 0 {
		bail!("a contact sheet needs a picture and a column; got {} and {columns}", pictures.len());
	}
	let rows = (pictures.len() as u32).div_ceil(columns);
	let scale = 2;
	let line_height = GLYPH.1 * scale + 4;
	let per_line = (CELL / (GLYPH.0 * scale)) as usize;
	let captions: Vec<Vec<String>> = pictures.iter().map(|(caption, _)| wrap(caption, per_line)).collect();
	let lines = captions.iter().map(Vec::len).max().unwrap_or(1) as u32;
	let step = (CELL + 2 * MARGIN, CELL + 2 * MARGIN + lines * line_height);
	let mut sheet = RgbImage::from_pixel(columns * step.0, rows * step.1, PAPER);
	for (i, ((_, picture), caption)) in pictures.iter().zip(&captions).enumerate() {
		let (left, top) = (i as u32 % columns * step.0 + MARGIN, i as u32 / columns * step.1 + MARGIN);
		let large = imageops::resize(picture, CELL, CELL, imageops::FilterType::Nearest);
		imageops::replace(&mut sheet, &large, left.into(), top.into());
		for (row, line) in caption.iter().enumerate() {
			let y = top + CELL + 8 + row as u32 * line_height;
			write_text(&mut sheet, line, left, y, scale);
		}
	}
	Ok(sheet)
}

fn wrap(text: &str, width: usize) -> Vec<String> {
	let mut lines: Vec<String> = vec![String::new()];
	for word in text.split_whitespace() {
		let last = lines.len() - 1;
		let line = &mut lines[last];
		if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
			lines.push(word.to_owned());
		} else {
			if !line.is_empty() {
				line.push(' ');
			}
			line.push_str(word);
		}
	}
	lines
}

fn write_text(sheet: &mut RgbImage, text: &str, left: u32, top: u32, scale: u32) {
	for (i, c) in text.chars().enumerate() {
		for (row, bits) in glyph(c).iter().enumerate() {
			for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
				for (dx, dy) in (0..scale).flat_map(|dx| (0..scale).map(move |dy| (dx, dy))) {
					let x = left + (i as u32 * GLYPH.0 + column) * scale + dx;
					let y = top + row as u32 * scale + dy;
					if x < sheet.width() && y < sheet.height() {
						sheet.put_pixel(x, y, INK);
					}
				}
			}
		}
	}
}

/// Eight rows of five bits. Letters are drawn in lower case; what is not here is a small box.
fn glyph(c: char) -> [u8; 8] {
	match c.to_ascii_lowercase() {
		' ' => [0; 8],
		'a' => [0, 0, 14, 1, 15, 17, 15, 0],
		'b' => [16, 16, 30, 17, 17, 17, 30, 0],
		'c' => [0, 0, 14, 16, 16, 17, 14, 0],
		'd' => [1, 1, 15, 17, 17, 17, 15, 0],
		'e' => [0, 0, 14, 17, 31, 16, 14, 0],
		'f' => [6, 9, 8, 28, 8, 8, 8, 0],
		'g' => [0, 0, 15, 17, 17, 15, 1, 14],
		'h' => [16, 16, 30, 17, 17, 17, 17, 0],
		'i' => [4, 0, 12, 4, 4, 4, 14, 0],
		'j' => [2, 0, 6, 2, 2, 2, 18, 12],
		'k' => [16, 16, 18, 20, 24, 20, 18, 0],
		'l' => [12, 4, 4, 4, 4, 4, 14, 0],
		'm' => [0, 0, 26, 21, 21, 21, 21, 0],
		'n' => [0, 0, 30, 17, 17, 17, 17, 0],
		'o' => [0, 0, 14, 17, 17, 17, 14, 0],
		'p' => [0, 0, 30, 17, 17, 30, 16, 16],
		'q' => [0, 0, 15, 17, 17, 15, 1, 1],
		'r' => [0, 0, 22, 25, 16, 16, 16, 0],
		's' => [0, 0, 15, 16, 14, 1, 30, 0],
		't' => [8, 8, 28, 8, 8, 9, 6, 0],
		'u' => [0, 0, 17, 17, 17, 19, 13, 0],
		'v' => [0, 0, 17, 17, 17, 10, 4, 0],
		'w' => [0, 0, 17, 17, 21, 21, 10, 0],
		'x' => [0, 0, 17, 10, 4, 10, 17, 0],
		'y' => [0, 0, 17, 17, 17, 15, 1, 14],
		'z' => [0, 0, 31, 2, 4, 8, 31, 0],
		'0' => [14, 17, 19, 21, 25, 17, 14, 0],
		'1' => [4, 12, 4, 4, 4, 4, 14, 0],
		'2' => [14, 17, 1, 6, 8, 16, 31, 0],
		'3' => [14, 17, 1, 6, 1, 17, 14, 0],
		'4' => [2, 6, 10, 18, 31, 2, 2, 0],
		'5' => [31, 16, 30, 1, 1, 17, 14, 0],
		'6' => [6, 8, 16, 30, 17, 17, 14, 0],
		'7' => [31, 1, 2, 4, 8, 8, 8, 0],
		'8' => [14, 17, 17, 14, 17, 17, 14, 0],
		'9' => [14, 17, 17, 15, 1, 2, 12, 0],
		',' => [0, 0, 0, 0, 0, 12, 4, 8],
		'.' => [0, 0, 0, 0, 0, 12, 12, 0],
		'-' => [0, 0, 0, 31, 0, 0, 0, 0],
		'\'' => [4, 4, 8, 0, 0, 0, 0, 0],
		'!' => [4, 4, 4, 4, 4, 0, 4, 0],
		'?' => [14, 17, 1, 2, 4, 0, 4, 0],
		':' => [0, 4, 4, 0, 4, 4, 0, 0],
		_ => [0, 31, 17, 17, 17, 31, 0, 0],
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn captions_should_break_at_spaces_when_they_are_long() {
		assert_eq!(wrap("a red circle on sand", 10), ["a red", "circle on", "sand"]);
		assert_eq!(wrap("", 10), [""]);
	}

	#[test]
	fn sheet_should_hold_every_picture_and_its_caption() {
		let red = RgbImage::from_pixel(64, 64, Rgb([200, 0, 0]));
		let blue = RgbImage::from_pixel(64, 64, Rgb([0, 0, 200]));
		let pictures = [("red".to_owned(), red), ("blue".to_owned(), blue)];
		let sheet = contact_sheet(&pictures, 2).unwrap();
		assert_eq!(sheet.get_pixel(MARGIN + 5, MARGIN + 5), &Rgb([200, 0, 0]));
		assert_eq!(sheet.get_pixel(CELL + 3 * MARGIN + 5, MARGIN + 5), &Rgb([0, 0, 200]));
		let inked = (MARGIN + CELL..sheet.height()).any(|y| (0..sheet.width()).any(|x| sheet.get_pixel(x, y) == &INK));
		assert!(inked);
		assert!(contact_sheet(&[], 2).is_err());
	}
}
