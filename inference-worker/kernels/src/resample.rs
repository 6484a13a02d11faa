//! Doubling the size of an image by repeating pixels.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::tensor::{for_parts, input, slice, stored, tensor, values};

struct UpsampleNearest2x;

impl CustomOp1 for UpsampleNearest2x {
	fn name(&self) -> &'static str {
		"upsample_nearest2x"
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let x = slice(storage, layout)?;
		let (b, c, h, w) = layout.shape().dims4()?;
		let mut y = vec![0.0f32; 4 * x.len()];
		for_parts(&mut y, 4 * w, |start, part| {
			for (rows, x) in part.chunks_exact_mut(4 * w).zip(x[start / 4..].chunks_exact(w)) {
				let (upper, lower) = rows.split_at_mut(2 * w);
				for (pair, x) in upper.chunks_exact_mut(2).zip(x) {
					pair.fill(*x);
				}
				lower.copy_from_slice(upper);
			}
		});
		Ok(stored(y, (b, c, 2 * h, 2 * w)))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
		let (b, c, h, w) = l.shape().dims4()?;
		Ok((crate::cuda::upsample_nearest2x((s, l), w)?, Shape::from((b, c, 2 * h, 2 * w))))
	}

	fn bwd(&self, x: &Tensor, _result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let grad = grad.contiguous()?;
		let g = values(&grad)?;
		let g: &[f32] = &g;
		let w = x.dims()[3];
		let mut dx = vec![0.0f32; x.elem_count()];
		for_parts(&mut dx, w, |start, part| {
			for (dx, rows) in part.chunks_exact_mut(w).zip(g[4 * start..].chunks_exact(4 * w)) {
				let (upper, lower) = rows.split_at(2 * w);
				let quads = upper.chunks_exact(2).zip(lower.chunks_exact(2));
				for (dx, (upper, lower)) in dx.iter_mut().zip(quads) {
					*dx = (upper[0] + upper[1]) + (lower[0] + lower[1]);
				}
			}
		});
		Ok(Some(tensor(dx, x.shape())?))
	}
}

/// Repeats every pixel of `x` (b, c, h, w) twice in both directions: (b, c, 2h, 2w).
///
/// # Errors
///
/// `x` is empty, not f32 on the CPU, or does not have four dimensions.
pub fn upsample_nearest2x(x: &Tensor) -> Result<Tensor> {
	let x = input("upsample_nearest2x", "x", x)?;
	if x.rank() != 4 {
		bail!("upsample_nearest2x: x has shape {:?}, (b, c, h, w) is needed", x.dims());
	}
	x.apply_op1(UpsampleNearest2x)
}
