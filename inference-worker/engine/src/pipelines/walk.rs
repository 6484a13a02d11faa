//! The closed walk of an animation: where each frame's noise and text stand between the ends of the walk.
//!
//! With φ = 2π · f / n for frame f of n and the radius m = motion (0 to 1), the noise of a frame is
//!
//! `(1 − m²(1 − cos φ)) · n0 + m · sin φ · n1 + m · √(1 − m²) · (1 − cos φ) · n2`
//!
//! with three independent noises: a circle of radius m on the sphere of all noises, through n0, gone round once at an even
//! pace. So frame 0 has the noise of the picture with the same seed, whatever the radius; every frame's noise has variance
//! 1, as the model expects it; and frame n would be frame 0. With radius 1 it is the circle between n0 and n1, with radius
//! 0 n0 alone.
//!
//! The text of a frame is `(1 − w) · from + w · to` with w = (1 − cos φ) / 2: the first text at frame 0, the second half-way.

use autonomy_kernels::math::{cos_f64, sin_f64};

/// Where a frame stands on the walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
	/// Factors of the three noises.
	pub noise: [f32; 3],
	/// Factors of the first and of the second text.
	pub text: [f32; 2],
}

impl Place {
	/// Frame `frame` of `frames`, which must be at least one, on a circle of radius `motion`, 0 to 1. Computed in f64 and
	/// rounded once.
	pub fn of(frame: u32, frames: u32, motion: f64) -> Self {
		let angle = std::f64::consts::TAU * f64::from(frame) / f64::from(frames);
		let (sin, away) = (sin_f64(angle), 1.0 - cos_f64(angle));
		let square = motion * motion;
		let to = away / 2.0;
		Self {
			noise: [
				(1.0 - square * away) as f32,
				(motion * sin) as f32,
				(motion * libm::sqrt(1.0 - square) * away) as f32,
			],
			text: [(1.0 - to) as f32, to as f32],
		}
	}

	/// The noise of the frame, value by value from the left.
	pub fn noise(&self, noises: &[Vec<f32>; 3]) -> Vec<f32> {
		let ([a, b, c], [n0, n1, n2]) = (self.noise, noises);
		n0.iter().zip(n1).zip(n2).map(|((x, y), z)| a * x + b * y + c * z).collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn close(a: &Place, b: &Place) -> bool {
		let mut pairs = a.noise.iter().zip(&b.noise).chain(a.text.iter().zip(&b.text));
		pairs.all(|(a, b)| (a - b).abs() < 1e-6)
	}

	#[test]
	fn walk_should_end_where_it_began_and_begin_at_the_picture() {
		for frames in [2, 3, 8, 32] {
			for motion in [0.0, 0.07, 0.5, 0.99, 1.0] {
				let first = Place::of(0, frames, motion);
				assert_eq!(first, Place { noise: [1.0, 0.0, 0.0], text: [1.0, 0.0] });
				assert!(close(&first, &Place::of(frames, frames, motion)), "{frames} frames, motion {motion}");
			}
		}
	}

	#[test]
	fn noise_should_keep_its_variance_and_move_evenly() {
		for motion in [0.0, 0.3, 0.8, 1.0] {
			let places: Vec<_> = (0..=12).map(|frame| Place::of(frame, 12, motion)).collect();
			for place in &places {
				let variance: f32 = place.noise.iter().map(|x| x * x).sum();
				assert!((variance - 1.0).abs() < 1e-6, "{variance}");
			}
			// Chords of a circle of this radius, a twelfth of a turn each.
			let chord = 2.0 * motion * libm::sin(std::f64::consts::PI / 12.0);
			for pair in places.windows(2) {
				let square: f32 = pair[0].noise.iter().zip(&pair[1].noise).map(|(a, b)| (a - b) * (a - b)).sum();
				assert!((f64::from(square.sqrt()) - chord).abs() < 1e-5, "{square} for {chord}");
			}
		}
	}

	#[test]
	fn noise_should_go_round_the_circle_between_two_when_the_motion_is_whole() {
		let place = Place::of(1, 4, 1.0);
		let expected = Place { noise: [0.0, 1.0, 0.0], text: [0.5, 0.5] };
		assert!(close(&place, &expected), "{place:?}");
		assert_eq!(Place::of(5, 8, 0.0).noise, [1.0, 0.0, 0.0]);
	}

	#[test]
	fn text_should_be_the_second_one_half_way() {
		for frames in [2, 8, 32] {
			assert_eq!(Place::of(frames / 2, frames, 0.5).text, [0.0, 1.0]);
		}
	}

	#[test]
	fn noises_should_be_left_as_they_are_when_nothing_is_added() {
		let noises = [vec![0.1f32, -2.5, 3.0e-30], vec![9.0; 3], vec![-7.0; 3]];
		assert_eq!(Place::of(0, 5, 0.4).noise(&noises), noises[0]);
		let half = Place { noise: [0.5, 2.0, -1.0], text: [1.0, 0.0] };
		assert_eq!(half.noise(&[vec![4.0], vec![3.0], vec![1.0]]), [7.0]);
	}
}
