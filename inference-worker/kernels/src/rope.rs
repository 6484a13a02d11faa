//! Rotary position embedding (Su et al., arXiv:2104.09864) in the rotate-half layout of Hugging Face Llama.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use crate::isa::multiversion;
use crate::tensor::{expect_shape, for_parts, input, slice, stored, tensor, values};

struct Rope;

multiversion! {
	/// One row: (a, b) become (fma(a, cos, −(b · sin)), fma(b, cos, a · sin)), where the sine is multiplied by
	/// `sign`.
	fn rotate(x: &[f32], cos: &[f32], sin: &[f32], sign: f32, y: &mut [f32]) {
		let half = cos.len();
		let (low, high) = x.split_at(half);
		let (y_low, y_high) = y.split_at_mut(half);
		let inputs = low.iter().zip(high).zip(cos.iter().zip(sin));
		for (((a, b), (cos, sin)), (y_low, y_high)) in inputs.zip(y_low.iter_mut().zip(y_high)) {
			let sin = sign * sin;
			*y_low = a.mul_add(*cos, -(b * sin));
			*y_high = b.mul_add(*cos, a * sin);
		}
	}
}

fn rotate_all(x: &[f32], cos: &[f32], sin: &[f32], (length, d): (usize, usize), sign: f32) -> Vec<f32> {
	let mut y = vec![0.0f32; x.len()];
	let half = d / 2;
	for_parts(&mut y, d, |start, part| {
		for (i, (y, x)) in part.chunks_exact_mut(d).zip(x[start..].chunks_exact(d)).enumerate() {
			let at = (start / d + i) % length * half;
			rotate(x, &cos[at..at + half], &sin[at..at + half], sign, y);
		}
	});
	y
}

impl CustomOp3 for Rope {
	fn name(&self) -> &'static str {
		"rope"
	}

	fn cpu_fwd(
		&self,
		s1: &CpuStorage,
		l1: &Layout,
		s2: &CpuStorage,
		l2: &Layout,
		s3: &CpuStorage,
		l3: &Layout,
	) -> Result<(CpuStorage, Shape)> {
		let dims = l1.dims();
		let y = rotate_all(slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?, (dims[2], dims[3]), 1.0);
		Ok(stored(y, l1.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(
		&self,
		s1: &CudaStorage,
		l1: &Layout,
		s2: &CudaStorage,
		l2: &Layout,
		s3: &CudaStorage,
		l3: &Layout,
	) -> Result<(CudaStorage, Shape)> {
		Ok((crate::cuda::rope((s1, l1), (s2, l2), (s3, l3))?, l1.shape().clone()))
	}

	fn bwd(
		&self,
		x: &Tensor,
		cos: &Tensor,
		sin: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		// The gradient of a rotation is the rotation back.
		let dx = rotate_all(&values(&grad)?, &values(cos)?, &values(sin)?, (x.dims()[2], x.dims()[3]), -1.0);
		Ok((Some(tensor(dx, x.shape())?), None, None))
	}
}

/// Rotates the pairs (x\[i\], x\[i + d/2\]) of every position of `x` (b, h, t, d) by the angles whose cosines and
/// sines are `cos` and `sin` (t, d/2). The tables are constants: they receive no gradient.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, `d` is odd, or the shapes do not fit.
pub fn rope(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
	let (x, cos, sin) = (input("rope", "x", x)?, input("rope", "cos", cos)?, input("rope", "sin", sin)?);
	let &[_, _, length, d] = x.dims() else { bail!("rope: x has shape {:?}, (b, h, t, d) is needed", x.dims()) };
	if d % 2 != 0 {
		bail!("rope: the last dimension of x {:?} is odd, pairs are rotated", x.dims());
	}
	if cos.track_op() || sin.track_op() {
		bail!("rope: cos and sin are constants, they cannot be trained");
	}
	expect_shape("rope", "cos", &cos, &[length, d / 2], &x)?;
	expect_shape("rope", "sin", &sin, &[length, d / 2], &x)?;
	x.apply_op3(&cos, &sin, Rope)
}
