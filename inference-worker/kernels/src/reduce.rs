//! Sums in 16 lanes.
//!
//! A sum over `n` values starts sixteen lanes at +0, adds value `i` to lane `i mod 16` in ascending order, then adds
//! lane `j + 8` to lane `j`, `j + 4`, `j + 2`, `j + 1`. Sums of products add by a fused multiply-add.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::isa::multiversion;
use crate::tensor::{input, slice, stored, tensor, values};

/// Number of lanes of a sum: part of the numeric specification.
pub const LANES: usize = 16;

/// Adds the lanes up: 8, 4, 2, 1.
#[inline(always)]
pub(crate) fn tree(mut lanes: [f32; LANES]) -> f32 {
	let mut half = LANES / 2;
	while half > 0 {
		for j in 0..half {
			lanes[j] += lanes[j + half];
		}
		half /= 2;
	}
	lanes[0]
}

#[inline(always)]
pub(crate) fn sum_inline(x: &[f32]) -> f32 {
	let mut lanes = [0.0f32; LANES];
	let mut chunks = x.chunks_exact(LANES);
	for chunk in &mut chunks {
		for j in 0..LANES {
			lanes[j] += chunk[j];
		}
	}
	for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
		*lane += value;
	}
	tree(lanes)
}

#[inline(always)]
pub(crate) fn dot_inline(x: &[f32], y: &[f32]) -> f32 {
	let mut lanes = [0.0f32; LANES];
	let whole = x.len().min(y.len()) / LANES * LANES;
	for (x, y) in x[..whole].chunks_exact(LANES).zip(y[..whole].chunks_exact(LANES)) {
		for j in 0..LANES {
			lanes[j] = x[j].mul_add(y[j], lanes[j]);
		}
	}
	for (lane, (x, y)) in lanes.iter_mut().zip(x[whole..].iter().zip(&y[whole..])) {
		*lane = x.mul_add(*y, *lane);
	}
	tree(lanes)
}

#[inline(always)]
pub(crate) fn max_inline(x: &[f32]) -> f32 {
	let mut lanes = [f32::NEG_INFINITY; LANES];
	let mut chunks = x.chunks_exact(LANES);
	for chunk in &mut chunks {
		for j in 0..LANES {
			lanes[j] = if chunk[j] > lanes[j] { chunk[j] } else { lanes[j] };
		}
	}
	let mut max = f32::NEG_INFINITY;
	for &value in chunks.remainder().iter().chain(&lanes) {
		if value > max {
			max = value;
		}
	}
	max
}

multiversion! {
	/// The sum of all values.
	pub(crate) fn sum(x: &[f32]) -> f32 {
		sum_inline(x)
	}

	/// The sum of products, each added by a fused multiply-add.
	pub(crate) fn dot(x: &[f32], y: &[f32]) -> f32 {
		dot_inline(x, y)
	}

	/// Sums `columns.len()` columns from `first` on over the rows of a row-major matrix `n` columns wide.
	fn column_block(x: &[f32], n: usize, first: usize, columns: &mut [f32]) {
		/// Columns that are summed together.
		const WIDTH: usize = 16;
		let mut done = 0;
		while done < columns.len() {
			let width = if columns.len() - done < WIDTH { columns.len() - done } else { WIDTH };
			let mut lanes = [[0.0f32; WIDTH]; LANES];
			let mut lane = 0;
			for row in x.chunks_exact(n) {
				let part = &row[first + done..first + done + width];
				let acc = &mut lanes[lane];
				if width == WIDTH {
					for j in 0..WIDTH {
						acc[j] += part[j];
					}
				} else {
					for j in 0..width {
						acc[j] += part[j];
					}
				}
				lane = (lane + 1) % LANES;
			}
			for j in 0..width {
				let mut column = [0.0f32; LANES];
				for i in 0..LANES {
					column[i] = lanes[i][j];
				}
				columns[done + j] = tree(column);
			}
			done += width;
		}
	}
}

/// The sums of the `n` columns of a row-major matrix: for each column the 16-lane sum over its rows.
pub(crate) fn column_sums(x: &[f32], n: usize) -> Vec<f32> {
	let mut sums = vec![0.0f32; n];
	if rayon::current_num_threads() > 1 && x.len() > 1 << 16 && n >= 64 {
		sums.par_chunks_mut(32).enumerate().for_each(|(i, part)| column_block(x, n, i * 32, part));
	} else {
		column_block(x, n, 0, &mut sums);
	}
	sums
}

/// For a batch of `channels` planes: the sum over each plane, then over the batch.
pub(crate) fn channel_sums(x: &[f32], channels: usize, plane: usize) -> Vec<f32> {
	let mut planes = vec![0.0f32; x.len() / plane];
	let each = |(sum_of_plane, values): (&mut f32, &[f32])| *sum_of_plane = sum(values);
	if rayon::current_num_threads() > 1 && x.len() > 1 << 16 {
		planes.par_iter_mut().zip(x.par_chunks_exact(plane)).for_each(each);
	} else {
		planes.iter_mut().zip(x.chunks_exact(plane)).for_each(each);
	}
	column_sums(&planes, channels)
}

struct SumAll {
	mean: bool,
}

impl SumAll {
	fn divisor(&self, count: usize) -> f32 {
		if self.mean {
			count as f32
		} else {
			1.0
		}
	}
}

impl CustomOp1 for SumAll {
	fn name(&self) -> &'static str {
		if self.mean {
			"mean_all"
		} else {
			"sum_all"
		}
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let x = slice(storage, layout)?;
		Ok(stored(vec![sum(x) / self.divisor(x.len())], ()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
		Ok((crate::cuda::sum_all((s, l), self.divisor(l.shape().elem_count()))?, Shape::from(())))
	}

	fn bwd(&self, x: &Tensor, _result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let slope = values(&grad.contiguous()?)?[0] / self.divisor(x.elem_count());
		Ok(Some(tensor(vec![slope; x.elem_count()], x.shape())?))
	}
}

/// The sum of all elements of `x`, a scalar.
///
/// # Errors
///
/// `x` is empty or not f32 on the CPU.
pub fn sum_all(x: &Tensor) -> Result<Tensor> {
	input("sum_all", "x", x)?.apply_op1(SumAll { mean: false })
}

/// The mean of all elements of `x`, a scalar: their sum divided by their number.
///
/// # Errors
///
/// `x` is empty or not f32 on the CPU.
pub fn mean_all(x: &Tensor) -> Result<Tensor> {
	input("mean_all", "x", x)?.apply_op1(SumAll { mean: true })
}

#[cfg(test)]
mod tests {
	use super::*;

	/// The specification, word for word.
	fn reference(x: &[f32]) -> f32 {
		let mut lanes = [0.0f32; 16];
		for (i, value) in x.iter().enumerate() {
			lanes[i % 16] += value;
		}
		for half in [8, 4, 2, 1] {
			for j in 0..half {
				lanes[j] += lanes[j + half];
			}
		}
		lanes[0]
	}

	fn wave(len: usize) -> Vec<f32> {
		(0..len).map(|i| ((i * 7919 % 1009) as f32 - 504.0) / 97.0).collect()
	}

	#[test]
	fn sum_should_equal_the_reference_when_the_length_is_odd() {
		for len in [1, 15, 16, 17, 31, 100, 1003] {
			let x = wave(len);
			assert_eq!(sum(&x).to_bits(), reference(&x).to_bits(), "{len}");
		}
	}

	#[test]
	fn column_sums_should_equal_the_sum_of_each_column_when_widths_are_odd() {
		for (rows, n) in [(1, 1), (3, 17), (16, 32), (33, 70), (1100, 65)] {
			let x = wave(rows * n);
			let sums = column_sums(&x, n);
			for j in 0..n {
				let column: Vec<f32> = (0..rows).map(|i| x[i * n + j]).collect();
				assert_eq!(sums[j].to_bits(), reference(&column).to_bits(), "{rows}×{n} column {j}");
			}
		}
	}

	#[test]
	fn max_should_find_the_largest_when_it_is_anywhere() {
		for len in [1, 16, 37] {
			for at in 0..len {
				let mut x = vec![-3.0f32; len];
				x[at] = 2.5;
				assert_eq!(max_inline(&x), 2.5);
			}
		}
	}
}
