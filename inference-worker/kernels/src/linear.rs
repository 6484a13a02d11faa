//! Matrix products and linear layers as Candle operations.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::fused::Activation;
use crate::gemm::{multiply, multiply_serial, Bias, Output, Product, Then};
use crate::pack::{Lanes, Strided};
use crate::reduce::column_sums;
use crate::tensor::{expect_shape, input, slice, stored, tensor, values};

/// Which of the operands of a batched product is stored transposed.
#[derive(Clone, Copy)]
pub(crate) enum Form {
	/// a (m, k) · b (k, n)
	Plain,
	/// a (m, k) · b (n, k)ᵀ
	RightTransposed,
	/// a (k, m)ᵀ · b (k, n)
	LeftTransposed,
}

/// `batch` products of m × k by k × n matrices that lie one after the other.
pub(crate) fn batched(form: Form, batch: usize, (m, n, k): (usize, usize, usize), a: &[f32], b: &[f32]) -> Vec<f32> {
	let mut c = vec![0.0f32; batch * m * n];
	let one = |i: usize, c: &mut [f32], run: fn(&Product<'_>)| {
		let (a, b) = (&a[i * m * k..(i + 1) * m * k], &b[i * k * n..(i + 1) * k * n]);
		let a = match form {
			Form::LeftTransposed => Strided::lane_contiguous(a, m, k),
			_ => Strided::k_contiguous(a, m, k),
		};
		let b = match form {
			Form::RightTransposed => Strided::k_contiguous(b, n, k),
			_ => Strided::lane_contiguous(b, n, k),
		};
		run(&Product { m, n, k, a: &a, b: &b, bias: Bias::None, out: Output::rows(c, n) });
	};
	let threads = rayon::current_num_threads();
	if threads > 1 && batch >= 2 * threads && batch * m * n * k > 1 << 19 {
		c.par_chunks_exact_mut(m * n).enumerate().for_each(|(i, c)| one(i, c, multiply_serial));
	} else {
		c.chunks_exact_mut(m * n).enumerate().for_each(|(i, c)| one(i, c, multiply));
	}
	c
}

struct Matmul;

/// (batch, rows, columns) of a tensor of rank two or more.
fn matrix_dims(dims: &[usize]) -> (usize, usize, usize) {
	let (batch, matrix) = dims.split_at(dims.len() - 2);
	(batch.iter().product(), matrix[0], matrix[1])
}

impl CustomOp2 for Matmul {
	fn name(&self) -> &'static str {
		"matmul"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (batch, m, k) = matrix_dims(l1.dims());
		let (_, _, n) = matrix_dims(l2.dims());
		let c = batched(Form::Plain, batch, (m, n, k), slice(s1, l1)?, slice(s2, l2)?);
		let mut shape = l1.dims().to_vec();
		*shape.last_mut().expect("two dimensions at least") = n;
		Ok(stored(c, shape))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		let (batch, m, k) = matrix_dims(l1.dims());
		let (_, _, n) = matrix_dims(l2.dims());
		let mut shape = l1.dims().to_vec();
		*shape.last_mut().expect("two dimensions at least") = n;
		Ok((crate::cuda::matmul((s1, l1), (s2, l2), batch, (m, n, k))?, Shape::from(shape)))
	}

	fn bwd(&self, a: &Tensor, b: &Tensor, _result: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (batch, m, k) = matrix_dims(a.dims());
		let (_, _, n) = matrix_dims(b.dims());
		let g = values(&grad)?;
		let da =
			a.track_op().then(|| tensor(batched(Form::RightTransposed, batch, (m, k, n), &g, &values(b)?), a.shape()));
		let db =
			b.track_op().then(|| tensor(batched(Form::LeftTransposed, batch, (k, n, m), &values(a)?, &g), b.shape()));
		Ok((da.transpose()?, db.transpose()?))
	}
}

/// The product of `a` (.., m, k) and `b` (.., k, n), of shape (.., m, n). The leading dimensions are equal.
///
/// # Errors
///
/// A tensor is empty, has fewer than two dimensions or is not f32 on the CPU, or the shapes do not fit.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
	let (a, b) = (input("matmul", "a", a)?, input("matmul", "b", b)?);
	let fits = a.rank() >= 2
		&& a.rank() == b.rank()
		&& a.dims()[..a.rank() - 2] == b.dims()[..b.rank() - 2]
		&& a.dims()[a.rank() - 1] == b.dims()[b.rank() - 2];
	if !fits {
		bail!("matmul: shapes {:?} and {:?} do not fit: (.., m, k) and (.., k, n) are needed", a.dims(), b.dims());
	}
	a.apply_op2(&b, Matmul)
}

/// The rows of `x`, each k values, times the lanes of `weight`, then a bias and a last step.
pub(crate) fn rows_times(x: &[f32], weight: &dyn Lanes, bias: Bias<'_>, then: Then<'_>) -> Vec<f32> {
	let (n, k) = weight.extent();
	let m = x.len() / k;
	let mut y = vec![0.0f32; m * n];
	let a = Strided::k_contiguous(x, m, k);
	multiply(&Product { m, n, k, a: &a, b: weight, bias, out: Output::rows(&mut y, n).then(then) });
	y
}

struct Linear {
	activation: Option<Activation>,
}

impl Linear {
	fn forward(&self, x: &[f32], weight: &[f32], bias: Bias<'_>, x_shape: &[usize], n: usize) -> (CpuStorage, Shape) {
		let k = x_shape[x_shape.len() - 1];
		let then = self.activation.map_or(Then::Nothing, |activation| Then::Apply(activation.in_place()));
		let y = rows_times(x, &Strided::k_contiguous(weight, n, k), bias, then);
		let mut shape = x_shape.to_vec();
		shape[x_shape.len() - 1] = n;
		stored(y, shape)
	}

	/// The gradient of what the activation was given; the product is computed again rather than kept.
	fn inner_gradient(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, grad: &Tensor) -> Result<Tensor> {
		let grad = grad.contiguous()?;
		let Some(activation) = self.activation else { return Ok(grad) };
		let (n, k) = weight.dims2()?;
		let (xs, weights, bias) = (values(x)?, values(weight)?, bias.map(values).transpose()?);
		let bias = bias.as_deref().map_or(Bias::None, Bias::Column);
		let before = rows_times(&xs, &Strided::k_contiguous(&weights, n, k), bias, Then::Nothing);
		let mut g = values(&grad)?.to_vec();
		activation.pull(&before, &mut g);
		tensor(g, grad.shape())
	}

	fn backward(&self, x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let (n, k) = weight.dims2()?;
		let m = x.elem_count() / k;
		let g = values(grad)?;
		let dx = x.track_op().then(|| tensor(batched(Form::Plain, 1, (m, k, n), &g, &values(weight)?), x.shape()));
		let dweight = weight
			.track_op()
			.then(|| tensor(batched(Form::LeftTransposed, 1, (n, k, m), &g, &values(x)?), weight.shape()));
		Ok((dx.transpose()?, dweight.transpose()?))
	}
}

impl CustomOp2 for Linear {
	fn name(&self) -> &'static str {
		"linear"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		Ok(self.forward(slice(s1, l1)?, slice(s2, l2)?, Bias::None, l1.dims(), l2.dims()[0]))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		let mut shape = l1.dims().to_vec();
		*shape.last_mut().expect("one dimension at least") = l2.dims()[0];
		Ok((crate::cuda::linear((s1, l1), (s2, l2), None, self.activation)?, Shape::from(shape)))
	}

	fn bwd(
		&self,
		x: &Tensor,
		weight: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		self.backward(x, weight, &self.inner_gradient(x, weight, None, grad)?)
	}
}

impl CustomOp3 for Linear {
	fn name(&self) -> &'static str {
		"linear"
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
		let bias = Bias::Column(slice(s3, l3)?);
		Ok(self.forward(slice(s1, l1)?, slice(s2, l2)?, bias, l1.dims(), l2.dims()[0]))
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
		let mut shape = l1.dims().to_vec();
		*shape.last_mut().expect("one dimension at least") = l2.dims()[0];
		Ok((crate::cuda::linear((s1, l1), (s2, l2), Some((s3, l3)), self.activation)?, Shape::from(shape)))
	}

	fn bwd(
		&self,
		x: &Tensor,
		weight: &Tensor,
		bias: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let grad = self.inner_gradient(x, weight, Some(bias), grad)?;
		let (dx, dweight) = self.backward(x, weight, &grad)?;
		let dbias = bias.track_op().then(|| tensor(column_sums(&values(&grad)?, bias.elem_count()), bias.shape()));
		Ok((dx, dweight, dbias.transpose()?))
	}
}

/// x · weightᵀ + bias for `x` (.., k), `weight` (n, k) and `bias` (n), of shape (.., n).
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes do not fit.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
	apply(Linear { activation: None }, x, weight, bias)
}

/// The activation of [`linear`], in one pass: the bits are those of the two operations one after the other.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes do not fit.
pub fn linear_activated(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, activation: Activation) -> Result<Tensor> {
	apply(Linear { activation: Some(activation) }, x, weight, bias)
}

fn apply(op: Linear, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
	let (x, weight) = (input("linear", "x", x)?, input("linear", "weight", weight)?);
	if weight.rank() != 2 || x.rank() == 0 || x.dims()[x.rank() - 1] != weight.dims()[1] {
		bail!("linear: x {:?} and weight {:?} do not fit: (.., k) and (n, k) are needed", x.dims(), weight.dims());
	}
	match bias {
		None => x.apply_op2(&weight, op),
		Some(bias) => {
			let bias = input("linear", "bias", bias)?;
			expect_shape("linear", "bias", &bias, &weight.dims()[..1], &weight)?;
			x.apply_op3(&weight, &bias, op)
		}
	}
}
