//! Sprite sheets: cells in a grid, their background cut out.

use super::image::{png, Image};
use autonomy_primitives::digest::canonical_sprite_sheet;
use image::ExtendedColorType;

/// Pictures of one size in a grid, with transparency, 8 bits per channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SpriteSheet {
	/// Pixels per row of the sheet.
	pub width: u32,
	/// Rows of the sheet.
	pub height: u32,
	/// Pixels per row of a cell.
	pub cell_width: u32,
	/// Rows of a cell.
	pub cell_height: u32,
	/// `4·width·height` bytes: red, green, blue, opacity, row by row from the top. A transparent pixel is four zeros, every
	/// other one has opacity 255.
	pub rgba: Vec<u8>,
}

impl SpriteSheet {
	/// Puts cells side by side, `columns` to a row, from the top left; what is left of the last row is transparent.
	///
	/// With a tolerance above zero each cell loses its background: the pixels that differ by at most the tolerance, in each
	/// channel, from the colour of the cell's corners, and that hang together with its border over such pixels, left, right,
	/// up or down. The colour of the corners is, in each channel, the second smallest of their four values: one corner that
	/// is unlike the others does not count.
	///
	/// The cells must be of one size and at least one, and so must the columns.
	pub fn new(cells: &[Image], columns: u32, background_tolerance: u8) -> Self {
		let size = cells.first().map_or((0, 0), |cell| (cell.width, cell.height));
		let alike = cells.iter().all(|cell| (cell.width, cell.height) == size);
		assert!(alike && size.0 > 0 && size.1 > 0 && columns > 0, "cells of one size, in at least one column");
		let (cell_width, cell_height) = size;
		let (width, height) = (columns * cell_width, (cells.len() as u32).div_ceil(columns) * cell_height);
		let (row, cell_row) = (4 * width as usize, 4 * cell_width as usize);
		let mut rgba = vec![0; row * height as usize];
		for (i, cell) in cells.iter().enumerate() {
			let (top, left) = (i / columns as usize * cell_height as usize, i % columns as usize * cell_row);
			for (y, pixels) in cut_out(cell, background_tolerance).chunks_exact(cell_row).enumerate() {
				rgba[(top + y) * row + left..][..cell_row].copy_from_slice(pixels);
			}
		}
		Self { width, height, cell_width, cell_height, rgba }
	}

	/// The bytes that the result digest covers.
	pub fn canonical(&self) -> Vec<u8> {
		canonical_sprite_sheet((self.width, self.height), (self.cell_width, self.cell_height), &self.rgba)
	}

	/// A PNG file, of the same encoder as [`Image::to_png`]'s.
	pub fn to_png(&self) -> Vec<u8> {
		png(self.width, self.height, &self.rgba, ExtendedColorType::Rgba8)
	}
}

/// The cell's pixels with their opacity. The order in which pixels are looked at changes nothing.
fn cut_out(cell: &Image, tolerance: u8) -> Vec<u8> {
	let mut rgba: Vec<u8> =
		cell.rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], u8::MAX]).collect();
	if tolerance == 0 {
		return rgba;
	}
	let (width, height) = (cell.width as usize, cell.height as usize);
	let last = width * height - 1;
	let corners = [0, width - 1, last + 1 - width, last];
	let background: [u8; 3] = std::array::from_fn(|channel| {
		let mut values = corners.map(|at| cell.rgb[3 * at + channel]);
		values.sort_unstable();
		values[1]
	});
	let belongs = |at: usize| {
		let mut pairs = cell.rgb[3 * at..][..3].iter().zip(&background);
		pairs.all(|(value, expected)| value.abs_diff(*expected) <= tolerance)
	};
	let sides = (0..height).flat_map(|y| [y * width, y * width + width - 1]);
	let mut next: Vec<usize> = (0..width).chain(last + 1 - width..=last).chain(sides).collect();
	let mut reached = vec![false; width * height];
	while let Some(at) = next.pop() {
		if reached[at] || !belongs(at) {
			continue;
		}
		reached[at] = true;
		rgba[4 * at..][..4].fill(0);
		let (x, y) = (at % width, at / width);
		next.extend((x > 0).then(|| at - 1));
		next.extend((x + 1 < width).then_some(at + 1));
		next.extend((y > 0).then(|| at - width));
		next.extend((y + 1 < height).then_some(at + width));
	}
	rgba
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A cell drawn in letters: each is a grey of its own.
	fn cell(rows: &[&str]) -> Image {
		let rgb = rows.iter().flat_map(|row| row.bytes()).flat_map(|letter| [letter; 3]).collect();
		Image { width: rows[0].len() as u32, height: rows.len() as u32, rgb }
	}

	/// Opacity as text: `.` is transparent.
	fn shown(rgba: &[u8], width: u32) -> Vec<String> {
		let letter = |pixel: &[u8]| match pixel[3] {
			0 => '.',
			_ => char::from(pixel[0]),
		};
		rgba.chunks_exact(4 * width as usize).map(|row| row.chunks_exact(4).map(letter).collect()).collect()
	}

	#[test]
	fn background_should_go_where_it_hangs_together_with_the_border_and_nowhere_else() {
		let rows = ["aabaa", "axxxa", "axaxa", "axxxc", "aazaa"];
		let sheet = SpriteSheet::new(&[cell(&rows)], 1, 1);
		// The hole in the middle stays, and so does what is further from the corners than the tolerance.
		assert_eq!(shown(&sheet.rgba, 5), [".....", ".xxx.", ".xax.", ".xxxc", "..z.."]);
		assert_eq!((sheet.width, sheet.height), (5, 5));
		assert_eq!(shown(&SpriteSheet::new(&[cell(&rows)], 1, 0).rgba, 5), rows);
		let all = SpriteSheet::new(&[cell(&rows)], 1, u8::MAX);
		assert_eq!(all.rgba, [0; 100]);
	}

	#[test]
	fn background_should_not_leak_through_corners_that_only_touch() {
		let sheet = SpriteSheet::new(&[cell(&["aaaaa", "aaxaa", "axaxa", "aaxaa", "aaaaa"])], 1, 3);
		assert_eq!(shown(&sheet.rgba, 5), [".....", "..x..", ".xax.", "..x..", "....."]);
	}

	#[test]
	fn background_should_be_the_second_smallest_of_the_corners_in_each_channel() {
		// Corners a, a, c and z: the second smallest is a, whatever the one that is unlike them.
		let sheet = SpriteSheet::new(&[cell(&["abc", "bxb", "abz"])], 1, 1);
		assert_eq!(shown(&sheet.rgba, 3), ["..c", ".x.", "..z"]);
		// Corners a, c, c and z: it is c.
		let sheet = SpriteSheet::new(&[cell(&["adc", "dxd", "cdz"])], 1, 1);
		assert_eq!(shown(&sheet.rgba, 3), ["a..", ".x.", "..z"]);
		// One channel is enough to belong to the picture.
		let mut picture = cell(&["aaa", "aaa", "aaa"]);
		picture.rgb[3 * 4 + 2] = b'c';
		assert_eq!(shown(&SpriteSheet::new(&[picture], 1, 1).rgba, 3), ["...", ".a.", "..."]);
	}

	#[test]
	fn cells_should_stand_in_rows_and_what_is_left_over_be_transparent() {
		let cells = [cell(&["ab", "cd"]), cell(&["ef", "gh"]), cell(&["ij", "kl"])];
		let sheet = SpriteSheet::new(&cells, 2, 0);
		assert_eq!((sheet.width, sheet.height, sheet.cell_width, sheet.cell_height), (4, 4, 2, 2));
		assert_eq!(shown(&sheet.rgba, 4), ["abef", "cdgh", "ij..", "kl.."]);
		let column = SpriteSheet::new(&cells, 1, 0);
		assert_eq!(shown(&column.rgba, 2), ["ab", "cd", "ef", "gh", "ij", "kl"]);
		let row = SpriteSheet::new(&cells, 3, 0);
		assert_eq!(shown(&row.rgba, 6), ["abefij", "cdghkl"]);
	}

	#[test]
	fn cells_of_one_pixel_should_be_cut_out_too() {
		assert_eq!(SpriteSheet::new(&[cell(&["a"])], 1, 1).rgba, [0; 4]);
		assert_eq!(shown(&SpriteSheet::new(&[cell(&["axa"])], 1, 1).rgba, 3), [".x."]);
	}

	#[test]
	fn canonical_bytes_should_be_the_sizes_and_then_the_pixels() {
		let sheet = SpriteSheet::new(&[cell(&["ab"]), cell(&["cd"])], 2, 0);
		let canonical = sheet.canonical();
		assert_eq!(canonical[..16], [4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]);
		assert_eq!(canonical[16..], sheet.rgba);
		assert_eq!(canonical[16..20], [b'a', b'a', b'a', 255]);
	}

	#[test]
	fn png_should_hold_the_same_pixels_and_stay_what_it_is() {
		let cells: Vec<_> = (0..3u8)
			.map(|n| Image { width: 16, height: 16, rgb: (0..16 * 16 * 3).map(|i| (i * 7 % 251) as u8 ^ n).collect() })
			.collect();
		let sheet = SpriteSheet::new(&cells, 2, 20);
		assert!(sheet.rgba.chunks_exact(4).take(32).any(|pixel| pixel == [0; 4]));
		let png = sheet.to_png();
		let back = image::load_from_memory(&png).unwrap().into_rgba8();
		assert_eq!((back.dimensions(), back.as_raw()), ((32, 32), &sheet.rgba));
		let cid = super::super::cid_text(&autonomy_primitives::digest::cid(&png));
		assert_eq!(cid, GOLDEN, "the PNG encoder changed: stored sprite sheets would get other addresses");
	}
	const GOLDEN: &str = "bafkreihwbnw3hhm32qhh4wpzqvxxldqf26twj7buivlsr6vb452sncmuvu";
}
