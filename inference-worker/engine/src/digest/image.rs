//! Pictures: from tensor values to RGB bytes, and to a PNG file that is a function of those bytes alone.

use autonomy_primitives::digest::canonical_image;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// An RGB picture, 8 bits per channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
	/// Pixels per row.
	pub width: u32,
	/// Rows.
	pub height: u32,
	/// `3·width·height` bytes: red, green, blue, row by row from the top.
	pub rgb: Vec<u8>,
}

impl Image {
	/// From values of about [−1, 1] in planes (3, height, width): `(x/2 + 0.5)` clamped to [0, 1], times 255, rounded
	/// half to even. The values must be finite and `3·width·height` many.
	pub fn from_planes(width: u32, height: u32, planes: &[f32]) -> Self {
		let pixels = width as usize * height as usize;
		assert_eq!(planes.len(), 3 * pixels, "a picture of {width}x{height} has three planes of that size");
		let rgb = (0..3 * pixels).map(|i| to_byte(planes[(i % 3) * pixels + i / 3])).collect();
		Self { width, height, rgb }
	}

	/// Values in [−1, 1] in planes (3, height, width): the inverse of [`Image::from_planes`].
	pub fn planes(&self) -> Vec<f32> {
		let pixels = self.rgb.len() / 3;
		(0..3 * pixels).map(|i| to_value(self.rgb[3 * (i % pixels) + i / pixels])).collect()
	}

	/// The bytes that the result digest covers.
	pub fn canonical(&self) -> Vec<u8> {
		canonical_image(self.width, self.height, &self.rgb)
	}

	/// A PNG file. The compressor is fdeflate, whose output depends on the pixels alone: no level, no thread count, no
	/// choice of zlib at build time.
	pub fn to_png(&self) -> Vec<u8> {
		png(self.width, self.height, &self.rgb, ExtendedColorType::Rgb8)
	}
}

/// A PNG file of these pixels, a function of its arguments alone.
pub(super) fn png(width: u32, height: u32, pixels: &[u8], colours: ExtendedColorType) -> Vec<u8> {
	let mut file = Vec::new();
	PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Paeth)
		.write_image(pixels, width, height, colours)
		.expect("the buffer has the size of the picture and writing to memory does not fail");
	file
}

fn to_byte(x: f32) -> u8 {
	let unit = x * 0.5 + 0.5;
	// Comparisons rather than `clamp`: what a signed zero becomes is then fixed.
	let unit = if unit > 0.0 { unit } else { 0.0 };
	let unit = if unit < 1.0 { unit } else { 1.0 };
	(unit * 255.0).round_ties_even() as u8
}

/// Computed in f64 and rounded once.
fn to_value(byte: u8) -> f32 {
	(f64::from(byte) / 255.0 * 2.0 - 1.0) as f32
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn bytes_should_be_clamped_and_rounded_half_to_even() {
		let x = |byte: f64| (byte / 255.0 * 2.0 - 1.0) as f32;
		assert_eq!([-9.0, -1.0, -0.0, 0.0, 1.0, 9.0].map(to_byte), [0, 0, 128, 128, 255, 255]);
		for byte in 0..=255u8 {
			assert_eq!(to_byte(x(f64::from(byte))), byte);
		}
	}

	#[test]
	fn planes_should_become_interleaved_rows() {
		let image = Image::from_planes(2, 1, &[-1.0, 1.0, -1.0, -1.0, 1.0, 1.0]);
		assert_eq!(image.rgb, [0, 0, 255, 255, 0, 255]);
		assert_eq!(image.canonical()[..8], [2, 0, 0, 0, 1, 0, 0, 0]);
		assert_eq!(image.planes(), [-1.0, 1.0, -1.0, -1.0, 1.0, 1.0]);
	}

	#[test]
	fn every_byte_should_come_back_from_its_value() {
		let rgb: Vec<u8> = (0..=255).cycle().take(3 * 256).collect();
		let image = Image { width: 16, height: 16, rgb };
		assert_eq!(Image::from_planes(16, 16, &image.planes()), image);
	}

	#[test]
	fn png_should_hold_the_same_pixels_and_stay_what_it_is() {
		let rgb: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 7 % 251) as u8).collect();
		let image = Image { width: 16, height: 16, rgb };
		let png = image.to_png();
		let back = image::load_from_memory(&png).unwrap().into_rgb8();
		assert_eq!((back.dimensions(), back.as_raw()), ((16, 16), &image.rgb));
		let cid = super::super::cid_text(&autonomy_primitives::digest::cid(&png));
		assert_eq!(cid, GOLDEN, "the PNG encoder changed: stored pictures would get other addresses");
	}
	const GOLDEN: &str = "bafkreibhoyra42vrqsnu4ajuyao4cz5z2sfqdvmxm5gyvqpy6xbv4mfrke";
}
