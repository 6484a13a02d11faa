//! Constant weights in as few bytes as hold every value exactly.
//!
//! Published weights are mostly f16 or bf16 numbers. Kept so, they take half the memory, and a decoding step, whose speed is
//! that of reading them, half the time. Widening is exact and no arithmetic is done before it: the numeric specification
//! knows only f32.

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::isa::multiversion;

/// Values of which every one was there when the weights were stored.
pub(crate) enum Stored {
	/// Every value as it is.
	F32(Vec<f32>),
	/// IEEE 754 binary16.
	F16(Vec<u16>),
	/// The upper halves of f32 numbers whose lower halves are zero.
	Bf16(Vec<u16>),
}

/// The address of values of two bytes.
#[derive(Clone, Copy)]
pub(crate) enum Narrow {
	F16(*const F16),
	Bf16(*const Bf16),
}

/// A value in memory that the kernels widen when they read it.
pub(crate) trait Value: Copy {
	/// The same number.
	fn wide(self) -> f32;
}

impl Value for f32 {
	#[inline(always)]
	fn wide(self) -> f32 {
		self
	}
}

/// A bf16 number.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Bf16(u16);

impl Value for Bf16 {
	#[inline(always)]
	fn wide(self) -> f32 {
		f32::from_bits(u32::from(self.0) << 16)
	}
}

/// An f16 number, which is finite.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct F16(u16);

impl Value for F16 {
	/// In operations that vectorise, none of which meets a subnormal f32: some CPUs are slow with those.
	#[inline(always)]
	fn wide(self) -> f32 {
		/// 2⁻¹⁴, the smallest normal f16.
		const SMALLEST: u32 = 113 << 23;
		let sign = u32::from(self.0 & 0x8000) << 16;
		// Exponent and mantissa in their places, the exponent still with the bias of f16.
		let magnitude = u32::from(self.0 & 0x7fff) << 13;
		let normal = magnitude + (112 << 23);
		let subnormal = (f32::from_bits(SMALLEST | magnitude) - f32::from_bits(SMALLEST)).to_bits();
		f32::from_bits(if magnitude < 1 << 23 { subnormal } else { normal } | sign)
	}
}

multiversion! {
	fn widen_bf16(narrow: &[u16], wide: &mut [f32]) {
		for (wide, narrow) in wide.iter_mut().zip(narrow) {
			*wide = Bf16(*narrow).wide();
		}
	}

	fn widen_f16(narrow: &[u16], wide: &mut [f32]) {
		for (wide, narrow) in wide.iter_mut().zip(narrow) {
			*wide = F16(*narrow).wide();
		}
	}
}

/// The bits of an f32 whose lower half is zero.
fn to_bf16(value: f32) -> u16 {
	(value.to_bits() >> 16) as u16
}

fn is_bf16(value: f32) -> bool {
	value.to_bits() & 0xffff == 0
}

/// Whether every value is a finite f16 number.
fn are_f16(values: &[f32]) -> bool {
	const PART: usize = 256;
	let mut narrow = [f16::ZERO; PART];
	let mut wide = [0.0f32; PART];
	values.chunks(PART).all(|values| {
		let (narrow, wide) = (&mut narrow[..values.len()], &mut wide[..values.len()]);
		narrow.convert_from_f32_slice(values);
		narrow.convert_to_f32_slice(wide);
		values.iter().zip(wide).all(|(before, after)| before.is_finite() && before.to_bits() == after.to_bits())
	})
}

impl Stored {
	/// `len` values in parts of `part`, each of which `fill` writes. All of them are zeros or among `values`.
	pub(crate) fn filled(values: &[f32], len: usize, part: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Self {
		/// Values that one task looks at.
		const TASK: usize = 1 << 16;
		let narrowed = |narrow: fn(f32) -> u16| {
			let mut stored = vec![0u16; len];
			if part > 0 {
				stored.par_chunks_exact_mut(part).enumerate().for_each_init(
					|| vec![0.0f32; part],
					|wide, (i, stored)| {
						fill(i, wide);
						for (stored, wide) in stored.iter_mut().zip(wide) {
							*stored = narrow(*wide);
						}
					},
				);
			}
			stored
		};
		if values.par_chunks(TASK).all(|values| values.iter().all(|value| is_bf16(*value))) {
			return Self::Bf16(narrowed(to_bf16));
		}
		if values.par_chunks(TASK).all(are_f16) {
			return Self::F16(narrowed(|value| f16::from_f32(value).to_bits()));
		}
		let mut stored = vec![0.0f32; len];
		if part > 0 {
			stored.par_chunks_exact_mut(part).enumerate().for_each(|(i, stored)| fill(i, stored));
		}
		Self::F32(stored)
	}

	/// The values from `start` on, as many as `wide` takes.
	pub(crate) fn widen(&self, start: usize, wide: &mut [f32]) {
		let range = start..start + wide.len();
		match self {
			Self::F32(values) => wide.copy_from_slice(&values[range]),
			Self::F16(values) => widen_f16(&values[range], wide),
			Self::Bf16(values) => widen_bf16(&values[range], wide),
		}
	}

	/// Every `step`-th value from `start` on, as many as `wide` takes.
	pub(crate) fn widen_every(&self, start: usize, step: usize, wide: &mut [f32]) {
		fn copy<T: Copy>(values: &[T], step: usize, wide: &mut [f32], value: impl Fn(T) -> f32) {
			for (wide, from) in wide.iter_mut().zip(values.iter().step_by(step)) {
				*wide = value(*from);
			}
		}
		match self {
			Self::F32(values) => copy(&values[start..], step, wide, |value| value),
			Self::F16(values) => copy(&values[start..], step, wide, |value| F16(value).wide()),
			Self::Bf16(values) => copy(&values[start..], step, wide, |value| Bf16(value).wide()),
		}
	}

	/// The values, where they are stored as f32.
	pub(crate) fn wide(&self) -> Option<&[f32]> {
		match self {
			Self::F32(values) => Some(values),
			_ => None,
		}
	}

	/// The address of the value `start`, where they are stored in two bytes.
	pub(crate) fn narrow(&self, start: usize) -> Option<Narrow> {
		match self {
			Self::F32(_) => None,
			Self::F16(values) => Some(Narrow::F16(values[start..].as_ptr().cast())),
			Self::Bf16(values) => Some(Narrow::Bf16(values[start..].as_ptr().cast())),
		}
	}

	/// Bytes of memory that the values take.
	pub(crate) fn bytes(&self) -> usize {
		match self {
			Self::F32(values) => size_of_val(values.as_slice()),
			Self::F16(values) | Self::Bf16(values) => size_of_val(values.as_slice()),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn stored(values: &[f32]) -> Stored {
		Stored::filled(values, values.len(), values.len(), |_, target| target.copy_from_slice(values))
	}

	fn widened(stored: &Stored, len: usize) -> Vec<u32> {
		let mut wide = vec![f32::NAN; len];
		stored.widen(0, &mut wide);
		wide.iter().map(|value| value.to_bits()).collect()
	}

	#[test]
	fn every_finite_number_of_two_bytes_should_be_widened_exactly() {
		for bits in 0..=u16::MAX {
			let (half, brain) = (f16::from_bits(bits), half::bf16::from_bits(bits));
			if half.is_finite() {
				assert_eq!(F16(bits).wide().to_bits(), half.to_f32().to_bits(), "{bits:#06x} as f16");
			}
			if brain.is_finite() {
				assert_eq!(Bf16(bits).wide().to_bits(), brain.to_f32().to_bits(), "{bits:#06x} as bf16");
			}
		}
	}

	#[test]
	fn values_should_be_stored_narrow_when_nothing_is_lost() {
		let halves: Vec<f32> =
			(0..=u16::MAX).map(f16::from_bits).filter(|half| half.is_finite()).map(f16::to_f32).collect();
		let brains: Vec<f32> =
			(0..=u16::MAX).map(half::bf16::from_bits).filter(|half| half.is_finite()).map(half::bf16::to_f32).collect();
		for (values, is_narrow) in [(&halves, true), (&brains, true)] {
			let bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
			let kept = stored(values);
			assert_eq!(kept.wide().is_none(), is_narrow);
			assert_eq!(kept.bytes(), 2 * values.len());
			assert_eq!(widened(&kept, values.len()), bits);
		}
		assert!(matches!(stored(&halves), Stored::F16(_)));
		assert!(matches!(stored(&brains), Stored::Bf16(_)));
	}

	#[test]
	fn values_should_stay_wide_when_one_would_change() {
		let odd = [
			0.1f32,
			f32::from_bits(1),
			65_520.0,
			f32::MAX,
			1.0 + f32::EPSILON,
			f16::MIN_POSITIVE_SUBNORMAL.to_f32() / 2.0,
		];
		for odd in odd {
			let mut values = vec![1.0, -0.0, 0.25, f16::MIN_POSITIVE_SUBNORMAL.to_f32()];
			values.push(odd);
			let kept = stored(&values);
			let narrow = kept.wide().is_none();
			assert_eq!(widened(&kept, 5), values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
			assert_eq!(narrow, is_bf16(odd), "{odd}");
		}
	}
}
