//! Softmax over the last dimension: e^(x − max) · (1 / 16-lane sum).

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::isa::multiversion;
use crate::math::exp;
use crate::reduce::{dot_inline, max_inline, sum_inline};
use crate::tensor::{for_parts, input, slice, stored, tensor, values};

multiversion! {
	fn forward_row(x: &[f32], y: &mut [f32]) {
		let max = max_inline(x);
		for (x, y) in x.iter().zip(y.iter_mut()) {
			*y = exp(x - max);
		}
		let inverse = 1.0 / sum_inline(y);
		for y in y.iter_mut() {
			*y *= inverse;
		}
	}

	fn backward_row(y: &[f32], g: &[f32], dx: &mut [f32]) {
		let mean = dot_inline(g, y);
		for ((y, g), dx) in y.iter().zip(g).zip(dx) {
			*dx = y * (g - mean);
		}
	}

	/// Replaces scores by e^(score − max), without dividing; returns the maximum and the sum.
	pub(crate) fn exponentiate(scores: &mut [f32]) -> (f32, f32) {
		let max = max_inline(scores);
		for score in scores.iter_mut() {
			*score = exp(*score - max);
		}
		(max, sum_inline(scores))
	}
}

struct Softmax;

impl CustomOp1 for Softmax {
	fn name(&self) -> &'static str {
		"softmax"
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let x = slice(storage, layout)?;
		let n = layout.dims()[layout.dims().len() - 1];
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, n, |start, part| {
			for (y, x) in part.chunks_exact_mut(n).zip(x[start..].chunks_exact(n)) {
				forward_row(x, y);
			}
		});
		Ok(stored(y, layout.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
		let n = l.dims()[l.dims().len() - 1];
		Ok((crate::cuda::softmax((s, l), n)?, l.shape().clone()))
	}

	fn bwd(&self, x: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let grad = grad.contiguous()?;
		let (ys, gs) = (values(result)?, values(&grad)?);
		let (ys, gs): (&[f32], &[f32]) = (&ys, &gs);
		let n = x.dims()[x.rank() - 1];
		let mut dx = vec![0.0f32; ys.len()];
		for_parts(&mut dx, n, |start, part| {
			let rows = ys[start..].chunks_exact(n).zip(gs[start..].chunks_exact(n));
			for (dx, (y, g)) in part.chunks_exact_mut(n).zip(rows) {
				backward_row(y, g, dx);
			}
		});
		Ok(Some(tensor(dx, x.shape())?))
	}
}

/// The softmax of every row of `x` (.., n).
///
/// # Errors
///
/// `x` is empty, a scalar, or not f32 on the CPU.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
	let x = input("softmax", "x", x)?;
	if x.rank() == 0 {
		bail!("softmax: x is a scalar, it needs at least one dimension");
	}
	x.apply_op1(Softmax)
}
