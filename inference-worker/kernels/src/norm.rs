//! Group, layer and root-mean-square normalisation.
//!
//! Mean = 16-lane sum / n; variance = 16-lane sum of fma(d, d) with d = x − mean, / n; inverse = 1 / sqrt(variance +
//! eps); the result is fma((x − mean) · inverse, weight, bias).

use std::borrow::Cow;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::fused::Activation;
use crate::isa::multiversion;
use crate::reduce::{column_sums, dot, sum, tree, LANES};
use crate::tensor::{expect_shape, for_parts, input, slice, stored, tensor, values};

multiversion! {
	/// The sum of squared distances from `mean`.
	fn spread(x: &[f32], mean: f32) -> f32 {
		let mut lanes = [0.0f32; LANES];
		let mut chunks = x.chunks_exact(LANES);
		for chunk in &mut chunks {
			for j in 0..LANES {
				let distance = chunk[j] - mean;
				lanes[j] = distance.mul_add(distance, lanes[j]);
			}
		}
		for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
			let distance = x - mean;
			*lane = distance.mul_add(distance, *lane);
		}
		tree(lanes)
	}

	/// y = fma((x − mean) · inverse, weight, bias) with one weight and bias.
	fn apply(x: &[f32], mean: f32, inverse: f32, weight: f32, bias: f32, y: &mut [f32]) {
		for (x, y) in x.iter().zip(y) {
			*y = ((x - mean) * inverse).mul_add(weight, bias);
		}
	}

	/// y = fma((x − mean) · inverse, weight, bias) with one weight and bias per element.
	fn apply_each(x: &[f32], mean: f32, inverse: f32, weight: &[f32], bias: &[f32], y: &mut [f32]) {
		for (((x, y), weight), bias) in x.iter().zip(y).zip(weight).zip(bias) {
			*y = ((x - mean) * inverse).mul_add(*weight, *bias);
		}
	}

	/// y = (x · inverse) · weight with one weight per element.
	fn scale_each(x: &[f32], inverse: f32, weight: &[f32], y: &mut [f32]) {
		for ((x, y), weight) in x.iter().zip(y).zip(weight) {
			*y = (x * inverse) * weight;
		}
	}

	/// y = (x − mean) · inverse.
	fn standardise(x: &[f32], mean: f32, inverse: f32, y: &mut [f32]) {
		for (x, y) in x.iter().zip(y) {
			*y = (x - mean) * inverse;
		}
	}

	/// y = a · b.
	fn product(a: &[f32], b: &[f32], y: &mut [f32]) {
		for ((a, b), y) in a.iter().zip(b).zip(y) {
			*y = a * b;
		}
	}

	/// dx = inverse · (gw − mean_gw − unit · mean_gwx), where gw = g · weight.
	fn pull(g: &[f32], weight: f32, unit: &[f32], inverse: f32, mean_gw: f32, mean_gwx: f32, dx: &mut [f32]) {
		for ((g, unit), dx) in g.iter().zip(unit).zip(dx) {
			*dx = inverse * ((g * weight - mean_gw) - unit * mean_gwx);
		}
	}
}

fn mean_and_inverse(x: &[f32], eps: f32) -> (f32, f32) {
	let count = x.len() as f32;
	let mean = sum(x) / count;
	(mean, 1.0 / (spread(x, mean) / count + eps).sqrt())
}

struct GroupNorm {
	groups: usize,
	eps: f32,
	activation: Option<Activation>,
}

impl GroupNorm {
	fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], plane: usize) -> Vec<f32> {
		let group = weight.len() / self.groups * plane;
		let activate = self.activation.map(Activation::in_place);
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, group, |start, part| {
			for (i, (y, x)) in part.chunks_exact_mut(group).zip(x[start..].chunks_exact(group)).enumerate() {
				let first = (start / group + i) % self.groups * (group / plane);
				let (mean, inverse) = mean_and_inverse(x, self.eps);
				for (c, (y, x)) in y.chunks_exact_mut(plane).zip(x.chunks_exact(plane)).enumerate() {
					apply(x, mean, inverse, weight[first + c], bias[first + c], y);
					if let Some(activate) = activate {
						activate(y);
					}
				}
			}
		});
		y
	}
}

impl CustomOp3 for GroupNorm {
	fn name(&self) -> &'static str {
		"group_norm"
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
		let (x, weight, bias) = (slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?);
		let plane: usize = l1.dims()[2..].iter().product();
		Ok(stored(self.forward(x, weight, bias, plane), l1.shape()))
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
		let plane: usize = l1.dims()[2..].iter().product();
		let group = l2.dims()[0] / self.groups * plane;
		let y = crate::cuda::norm((s1, l1), (s2, l2), (s3, l3), (group, plane), self.eps, self.activation)?;
		Ok((y, l1.shape().clone()))
	}

	fn bwd(
		&self,
		x: &Tensor,
		weight: &Tensor,
		bias: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (xs, gs, weights) = (values(x)?, values(&grad)?, values(weight)?);
		let weights: &[f32] = &weights;
		let channels = weights.len();
		let plane: usize = x.dims()[2..].iter().product();
		let gs: Cow<'_, [f32]> = match self.activation {
			None => Cow::Borrowed(&*gs),
			Some(activation) => {
				let norm = GroupNorm { groups: self.groups, eps: self.eps, activation: None };
				let before = norm.forward(&xs, weights, &values(bias)?, plane);
				let mut inner = gs.to_vec();
				activation.pull(&before, &mut inner);
				Cow::Owned(inner)
			}
		};
		let per_group = channels / self.groups;
		let group = per_group * plane;
		let count = group as f32;
		let mut dx = vec![0.0f32; xs.len()];
		// Per image and channel: sum of g · unit, and of g.
		let planes = xs.len() / plane;
		let (mut unit_sums, mut sums) = (vec![0.0f32; planes], vec![0.0f32; planes]);
		dx.par_chunks_exact_mut(group)
			.zip(xs.par_chunks_exact(group).zip(gs.par_chunks_exact(group)))
			.zip(unit_sums.par_chunks_exact_mut(per_group).zip(sums.par_chunks_exact_mut(per_group)))
			.enumerate()
			.for_each_init(Vec::new, |unit, (i, ((dx, (x, g)), (unit_sums, sums)))| {
				let weights = &weights[i % self.groups * per_group..][..per_group];
				let (mean, inverse) = mean_and_inverse(x, self.eps);
				unit.resize(group, 0.0);
				standardise(x, mean, inverse, unit);
				for (c, (g, unit)) in g.chunks_exact(plane).zip(unit.chunks_exact(plane)).enumerate() {
					sums[c] = sum(g);
					unit_sums[c] = dot(g, unit);
				}
				let mean_gw = dot(weights, sums) / count;
				let mean_gwx = dot(weights, unit_sums) / count;
				for (c, ((dx, g), unit)) in
					dx.chunks_exact_mut(plane).zip(g.chunks_exact(plane)).zip(unit.chunks_exact(plane)).enumerate()
				{
					pull(g, weights[c], unit, inverse, mean_gw, mean_gwx, dx);
				}
			});
		Ok((
			Some(tensor(dx, x.shape())?),
			Some(tensor(column_sums(&unit_sums, channels), weight.shape())?),
			Some(tensor(column_sums(&sums, channels), bias.shape())?),
		))
	}
}

/// Normalises every group of channels of every image of `x` (b, c, ..) to mean 0 and variance 1, then applies
/// `weight` and `bias` (c) per channel (Wu & He, arXiv:1803.08494). `eps` is added to the variance.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, the shapes do not fit, or `groups` does not divide the channels.
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, groups: usize, eps: f64) -> Result<Tensor> {
	group_norm_with(x, weight, bias, GroupNorm { groups, eps: eps as f32, activation: None })
}

/// The activation of [`group_norm`], in one pass: the bits are those of the two operations one after the other.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, the shapes do not fit, or `groups` does not divide the channels.
pub fn group_norm_activated(
	x: &Tensor,
	weight: &Tensor,
	bias: &Tensor,
	groups: usize,
	eps: f64,
	activation: Activation,
) -> Result<Tensor> {
	group_norm_with(x, weight, bias, GroupNorm { groups, eps: eps as f32, activation: Some(activation) })
}

fn group_norm_with(x: &Tensor, weight: &Tensor, bias: &Tensor, op: GroupNorm) -> Result<Tensor> {
	const OP: &str = "group_norm";
	let groups = op.groups;
	let (x, weight, bias) = (input(OP, "x", x)?, input(OP, "weight", weight)?, input(OP, "bias", bias)?);
	if x.rank() < 2 {
		bail!("{OP}: x has shape {:?}, it needs a batch and a channel dimension", x.dims());
	}
	let channels = x.dims()[1];
	if groups == 0 || channels % groups != 0 {
		bail!("{OP}: {groups} groups do not divide the {channels} channels of x {:?}", x.dims());
	}
	expect_shape(OP, "weight", &weight, &[channels], &x)?;
	expect_shape(OP, "bias", &bias, &[channels], &x)?;
	x.apply_op3(&weight, &bias, op)
}

struct LayerNorm {
	eps: f32,
}

impl CustomOp3 for LayerNorm {
	fn name(&self) -> &'static str {
		"layer_norm"
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
		let (x, weight, bias) = (slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?);
		let n = weight.len();
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, n, |start, part| {
			for (y, x) in part.chunks_exact_mut(n).zip(x[start..].chunks_exact(n)) {
				let (mean, inverse) = mean_and_inverse(x, self.eps);
				apply_each(x, mean, inverse, weight, bias, y);
			}
		});
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
		let n = l2.dims()[0];
		Ok((crate::cuda::norm((s1, l1), (s2, l2), (s3, l3), (n, 1), self.eps, None)?, l1.shape().clone()))
	}

	fn bwd(
		&self,
		x: &Tensor,
		weight: &Tensor,
		bias: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (xs, gs, weights) = (values(x)?, values(&grad)?, values(weight)?);
		let (gs, weights): (&[f32], &[f32]) = (&gs, &weights);
		let (dx, unit_grad) = row_gradients(&xs, gs, weights, |x| mean_and_inverse(x, self.eps), true);
		Ok((
			Some(tensor(dx, x.shape())?),
			Some(tensor(column_sums(&unit_grad, weights.len()), weight.shape())?),
			Some(tensor(column_sums(gs, weights.len()), bias.shape())?),
		))
	}
}

/// The gradient of the rows of a layer or root-mean-square norm, and g · unit for the gradient of the weight.
fn row_gradients(
	xs: &[f32],
	gs: &[f32],
	weight: &[f32],
	statistics: impl Fn(&[f32]) -> (f32, f32) + Sync,
	centred: bool,
) -> (Vec<f32>, Vec<f32>) {
	let n = weight.len();
	let (mut dx, mut unit_grad) = (vec![0.0f32; xs.len()], vec![0.0f32; xs.len()]);
	dx.par_chunks_mut(n)
		.zip(unit_grad.par_chunks_mut(n))
		.zip(xs.par_chunks(n).zip(gs.par_chunks(n)))
		.with_min_len(16)
		.for_each_init(
			|| (vec![0.0f32; n], vec![0.0f32; n]),
			|(unit, gw), ((dx, unit_grad), (x, g))| {
				let (mean, inverse) = statistics(x);
				standardise(x, mean, inverse, unit);
				product(g, weight, gw);
				product(g, unit, unit_grad);
				let mean_gw = if centred { sum(gw) / n as f32 } else { 0.0 };
				let mean_gwx = dot(gw, unit) / n as f32;
				pull(gw, 1.0, unit, inverse, mean_gw, mean_gwx, dx);
			},
		);
	(dx, unit_grad)
}

/// Normalises every row of `x` (.., d) to mean 0 and variance 1, then applies `weight` and `bias` (d) (Ba et al.,
/// arXiv:1607.06450). `eps` is added to the variance.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes do not fit.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
	const OP: &str = "layer_norm";
	let (x, weight, bias) = (input(OP, "x", x)?, input(OP, "weight", weight)?, input(OP, "bias", bias)?);
	let Some(&n) = x.dims().last() else { bail!("{OP}: x is a scalar, it needs at least one dimension") };
	expect_shape(OP, "weight", &weight, &[n], &x)?;
	expect_shape(OP, "bias", &bias, &[n], &x)?;
	x.apply_op3(&weight, &bias, LayerNorm { eps: eps as f32 })
}

struct RmsNorm {
	eps: f32,
}

impl RmsNorm {
	fn inverse(&self, x: &[f32]) -> f32 {
		1.0 / (dot(x, x) / x.len() as f32 + self.eps).sqrt()
	}
}

impl CustomOp2 for RmsNorm {
	fn name(&self) -> &'static str {
		"rms_norm"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (x, weight) = (slice(s1, l1)?, slice(s2, l2)?);
		let n = weight.len();
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, n, |start, part| {
			for (y, x) in part.chunks_exact_mut(n).zip(x[start..].chunks_exact(n)) {
				scale_each(x, self.inverse(x), weight, y);
			}
		});
		Ok(stored(y, l1.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		Ok((crate::cuda::rms_norm((s1, l1), (s2, l2), self.eps)?, l1.shape().clone()))
	}

	fn bwd(
		&self,
		x: &Tensor,
		weight: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (xs, gs, weights) = (values(x)?, values(&grad)?, values(weight)?);
		let (dx, unit_grad) = row_gradients(&xs, &gs, &weights, |x| (0.0, self.inverse(x)), false);
		Ok((Some(tensor(dx, x.shape())?), Some(tensor(column_sums(&unit_grad, weights.len()), weight.shape())?)))
	}
}

/// Divides every row of `x` (.., d) by its root mean square, then multiplies by `weight` (d) (Zhang & Sennrich,
/// arXiv:1910.07467). `eps` is added to the mean square.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes do not fit.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
	const OP: &str = "rms_norm";
	let (x, weight) = (input(OP, "x", x)?, input(OP, "weight", weight)?);
	let Some(&n) = x.dims().last() else { bail!("{OP}: x is a scalar, it needs at least one dimension") };
	expect_shape(OP, "weight", &weight, &[n], &x)?;
	x.apply_op2(&weight, RmsNorm { eps: eps as f32 })
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::reduce::dot_inline;

	#[test]
	fn dot_should_use_the_same_lanes_when_inlined() {
		let x: Vec<f32> = (0..77).map(|i| i as f32 * 0.37 - 9.0).collect();
		assert_eq!(dot(&x, &x).to_bits(), dot_inline(&x, &x).to_bits());
		assert_eq!(spread(&x, 0.0).to_bits(), dot(&x, &x).to_bits());
	}
}
