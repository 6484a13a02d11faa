//! Animations: frames of RGB bytes, and a GIF file that is a function of those bytes alone.

use autonomy_primitives::digest::canonical_animation;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbaImage};

/// RGB pictures of one size, shown in a loop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Animation {
	/// Pixels per row.
	pub width: u32,
	/// Rows.
	pub height: u32,
	/// Frames shown in a second, at least one.
	pub frames_per_second: u32,
	/// The frames, each of `3·width·height` bytes: red, green, blue, row by row from the top.
	pub frames: Vec<Vec<u8>>,
}

impl Animation {
	/// The bytes that the result digest covers.
	pub fn canonical(&self) -> Vec<u8> {
		canonical_animation(self.width, self.height, self.frames_per_second, &self.frames)
	}

	/// Hundredths of a second for which a frame is shown, the unit of GIF. Frame `i` ends ⌊100·(i + 1)/rate⌋ hundredths
	/// after the beginning, so that what a frame is too short, a later one makes up for.
	pub fn delay(&self, frame: u32) -> u32 {
		let ends = |frames: u32| 100 * frames / self.frames_per_second.max(1);
		ends(frame + 1) - ends(frame)
	}

	/// A GIF file that is shown without end. Sides are at most 65,535 pixels.
	///
	/// A frame has a palette of its own: its colours where they are no more than 256, and otherwise what NeuQuant makes of
	/// its pixels, every one of which it learns from. NeuQuant and the compressor run on one thread, in integers and in
	/// additions, products and quotients of f64, which are the same on every machine; neither draws a random number nor
	/// calls the system's mathematics.
	pub fn to_gif(&self) -> Vec<u8> {
		const MEMORY: &str = "the frames have the size of the animation and writing to memory does not fail";
		let mut file = Vec::new();
		let mut encoder = GifEncoder::new(&mut file);
		encoder.set_repeat(Repeat::Infinite).expect(MEMORY);
		for (index, rgb) in (0u32..).zip(&self.frames) {
			let opaque = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], u8::MAX]).collect();
			let picture = RgbaImage::from_raw(self.width, self.height, opaque).expect(MEMORY);
			let delay = Delay::from_numer_denom_ms(10 * self.delay(index), 1);
			encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).expect(MEMORY);
		}
		// Ends the file.
		drop(encoder);
		file
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use image::codecs::gif::GifDecoder;
	use image::AnimationDecoder;
	use std::io::Cursor;

	/// Five frames of which `colour` gives each pixel, by its index and its frame.
	fn animation(frames_per_second: u32, colour: fn(usize, usize) -> [usize; 3]) -> Animation {
		let frame = |n: usize| -> Vec<u8> {
			(0..24 * 16).flat_map(|i| colour(i, n)).map(|value| (value % 256) as u8).collect()
		};
		Animation { width: 24, height: 16, frames_per_second, frames: (0..5).map(frame).collect() }
	}

	/// Two hundred colours that are far from each other.
	fn few(i: usize, frame: usize) -> [usize; 3] {
		let n = (i * 7 + frame * 31) % 200;
		[n * 37, n * 101, n * 59]
	}

	/// Another colour for each pixel of a frame.
	fn smooth(i: usize, frame: usize) -> [usize; 3] {
		[i % 24 * 11, i / 24 * 17, frame * 40]
	}

	fn decoded(gif: &[u8]) -> Vec<Frame> {
		GifDecoder::new(Cursor::new(gif)).unwrap().into_frames().collect_frames().unwrap()
	}

	#[test]
	fn gif_should_hold_the_frames_and_their_times_and_go_round() {
		let animation = animation(30, few);
		let gif = animation.to_gif();
		let frames = decoded(&gif);
		let times: Vec<_> = frames.iter().map(|frame| frame.delay().numer_denom_ms()).collect();
		assert_eq!(times, [(30, 1), (30, 1), (40, 1), (30, 1), (30, 1)]);
		for (frame, rgb) in frames.iter().zip(&animation.frames) {
			let picture = image::DynamicImage::from(frame.buffer().clone()).into_rgb8();
			assert_eq!((picture.dimensions(), picture.as_raw()), ((24, 16), rgb));
		}
		// The block that browsers read: go round for ever.
		let forever = b"NETSCAPE2.0\x03\x01\x00\x00\x00";
		assert!(gif.windows(forever.len()).any(|window| window == forever));
	}

	#[test]
	fn delays_should_add_up_to_the_time_when_the_rate_does_not_divide_a_second() {
		for rate in 1..=50 {
			let animation = Animation { width: 0, height: 0, frames_per_second: rate, frames: vec![] };
			assert_eq!((0..rate).map(|frame| animation.delay(frame)).sum::<u32>(), 100, "{rate} frames per second");
			assert!((0..rate).all(|frame| animation.delay(frame) >= 2));
		}
	}

	#[test]
	fn canonical_bytes_should_be_counts_and_then_pictures() {
		let animation =
			Animation { width: 2, height: 1, frames_per_second: 9, frames: vec![vec![1; 6], (10..16).collect()] };
		let mut expected = vec![2, 0, 0, 0, 9, 0, 0, 0];
		for rgb in &animation.frames {
			expected.extend([2, 0, 0, 0, 1, 0, 0, 0]);
			expected.extend(rgb);
		}
		assert_eq!(animation.canonical(), expected);
	}

	#[test]
	fn gif_should_be_near_the_pixels_and_stay_what_it_is_when_a_palette_is_too_small() {
		let animation = animation(12, smooth);
		let gif = animation.to_gif();
		assert_eq!(gif, animation.to_gif());
		let (mut distance, mut values) = (0, 0);
		for (frame, rgb) in decoded(&gif).iter().zip(&animation.frames) {
			let picture = image::DynamicImage::from(frame.buffer().clone()).into_rgb8();
			distance += picture.as_raw().iter().zip(rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
			values += rgb.len() as u64;
		}
		assert!(distance < 24 * values, "{distance} over {values} values");
		let cid = super::super::cid_text(&autonomy_primitives::digest::cid(&gif));
		assert_eq!(cid, GOLDEN, "the GIF encoder changed: stored animations would get other addresses");
	}
	const GOLDEN: &str = "bafkreid6aptri5hst7el25dv6hjvupuu7ysqigao7tkjzvm2y2kjszu2t4";
}
