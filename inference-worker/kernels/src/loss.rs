//! The losses of training: mean squared error and cross-entropy.

use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor};

use crate::isa::multiversion;
use crate::math::{exp, ln};
use crate::reduce::{dot, sum};
use crate::softmax::exponentiate;
use crate::tensor::{expect_shape, input, slice, stored, tensor, values};

multiversion! {
	fn squares(pred: &[f32], target: &[f32], weight: f32, y: &mut [f32]) {
		for ((pred, target), y) in pred.iter().zip(target).zip(y) {
			let distance = pred - target;
			*y = distance * distance * weight;
		}
	}

	fn distances(pred: &[f32], target: &[f32], factor: f32, y: &mut [f32]) {
		for ((pred, target), y) in pred.iter().zip(target).zip(y) {
			*y = (pred - target) * factor;
		}
	}

	fn exponentials(x: &[f32], max: f32, factor: f32, y: &mut [f32]) {
		for (x, y) in x.iter().zip(y) {
			*y = exp(x - max) * factor;
		}
	}
}

struct Mse;

impl Mse {
	fn forward(&self, pred: &[f32], target: &[f32], weights: &[f32]) -> (CpuStorage, Shape) {
		let sample = pred.len() / weights.len();
		let mut terms = vec![0.0f32; pred.len()];
		for (i, weight) in weights.iter().enumerate() {
			let range = i * sample..(i + 1) * sample;
			squares(&pred[range.clone()], &target[range.clone()], *weight, &mut terms[range]);
		}
		stored(vec![sum(&terms) / pred.len() as f32], ())
	}

	/// The gradients of the prediction, the target and the weights.
	fn backward(&self, pred: &Tensor, target: &Tensor, weights: &[f32], grad: &Tensor) -> Result<[Tensor; 3]> {
		let slope = values(grad)?[0] / pred.elem_count() as f32;
		let (ps, ts) = (values(pred)?, values(target)?);
		let sample = ps.len() / weights.len();
		let (mut dpred, mut dtarget) = (vec![0.0f32; ps.len()], vec![0.0f32; ps.len()]);
		let mut dweight = Vec::with_capacity(weights.len());
		for (i, weight) in weights.iter().enumerate() {
			let range = i * sample..(i + 1) * sample;
			let (p, t) = (&ps[range.clone()], &ts[range.clone()]);
			distances(p, t, 1.0, &mut dpred[range.clone()]);
			dweight.push(dot(&dpred[range.clone()], &dpred[range.clone()]) * slope);
			distances(p, t, 2.0 * weight * slope, &mut dpred[range.clone()]);
			distances(t, p, 2.0 * weight * slope, &mut dtarget[range]);
		}
		Ok([tensor(dpred, pred.shape())?, tensor(dtarget, target.shape())?, tensor(dweight, weights.len())?])
	}
}

impl CustomOp2 for Mse {
	fn name(&self) -> &'static str {
		"mse_loss"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		Ok(self.forward(slice(s1, l1)?, slice(s2, l2)?, &[1.0]))
	}

	fn bwd(
		&self,
		pred: &Tensor,
		target: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let [dpred, dtarget, _] = self.backward(pred, target, &[1.0], grad)?;
		Ok((Some(dpred), Some(dtarget)))
	}
}

impl CustomOp3 for Mse {
	fn name(&self) -> &'static str {
		"mse_loss"
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
		Ok(self.forward(slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?))
	}

	fn bwd(
		&self,
		pred: &Tensor,
		target: &Tensor,
		weight: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let [dpred, dtarget, dweight] = self.backward(pred, target, &values(weight)?, grad)?;
		Ok((Some(dpred), Some(dtarget), Some(dweight)))
	}
}

/// The mean over all elements of (pred − target)², each times the `weight` of its sample where given: one weight per
/// entry of the first dimension. A scalar.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes do not fit.
pub fn mse_loss(pred: &Tensor, target: &Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
	const OP: &str = "mse_loss";
	let (pred, target) = (input(OP, "pred", pred)?, input(OP, "target", target)?);
	expect_shape(OP, "target", &target, pred.dims(), &pred)?;
	match weight {
		None => pred.apply_op2(&target, Mse),
		Some(weight) => {
			let weight = input(OP, "weight", weight)?;
			let Some(&samples) = pred.dims().first() else {
				bail!("{OP}: a scalar prediction has no samples to weigh")
			};
			expect_shape(OP, "weight", &weight, &[samples], &pred)?;
			pred.apply_op3(&target, &weight, Mse)
		}
	}
}

struct CrossEntropy {
	ignore: Option<u32>,
}

impl CrossEntropy {
	fn counted(&self, targets: &[u32], classes: usize) -> Result<f32> {
		let mut count = 0usize;
		for (i, &target) in targets.iter().enumerate() {
			if Some(target) == self.ignore {
				continue;
			}
			if target as usize >= classes {
				bail!("cross_entropy: target {target} of row {i} is not one of the {classes} classes");
			}
			count += 1;
		}
		if count == 0 {
			bail!("cross_entropy: all {} targets are ignored, there is nothing to learn from", targets.len());
		}
		Ok(count as f32)
	}
}

/// The values of a contiguous u32 argument.
fn ids<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [u32]> {
	let values = storage.as_slice::<u32>()?;
	match layout.contiguous_offsets() {
		Some((start, end)) => Ok(&values[start..end]),
		None => bail!("a kernel was given indices that are not contiguous: {layout:?}"),
	}
}

impl CustomOp2 for CrossEntropy {
	fn name(&self) -> &'static str {
		"cross_entropy"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (logits, targets) = (slice(s1, l1)?, ids(s2, l2)?);
		let classes = logits.len() / targets.len();
		let count = self.counted(targets, classes)?;
		let mut row = vec![0.0f32; classes];
		let terms: Vec<f32> = logits
			.chunks_exact(classes)
			.zip(targets)
			.map(|(logits, &target)| {
				if Some(target) == self.ignore {
					return 0.0;
				}
				row.copy_from_slice(logits);
				let (max, sum) = exponentiate(&mut row);
				ln(sum) + (max - logits[target as usize])
			})
			.collect();
		Ok(stored(vec![sum(&terms) / count], ()))
	}

	fn bwd(
		&self,
		logits: &Tensor,
		targets: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let (storage, layout) = targets.storage_and_layout();
		let Storage::Cpu(storage) = &*storage else { bail!("cross_entropy: the targets are not on the CPU") };
		let targets = ids(storage, layout)?;
		let xs = values(logits)?;
		let classes = xs.len() / targets.len();
		let slope = values(grad)?[0] / self.counted(targets, classes)?;
		let mut dx = vec![0.0f32; xs.len()];
		for ((dx, x), &target) in dx.chunks_exact_mut(classes).zip(xs.chunks_exact(classes)).zip(targets) {
			if Some(target) == self.ignore {
				continue;
			}
			dx.copy_from_slice(x);
			let (max, sum) = exponentiate(dx);
			exponentials(x, max, slope / sum, dx);
			dx[target as usize] -= slope;
		}
		Ok((Some(tensor(dx, logits.shape())?), None))
	}
}

/// The mean of −ln softmax(logits)[target] over the rows of `logits` (n, v), for `targets` (n) of type u32. Rows
/// whose target is `ignore_index` count neither in the sum nor in the number of rows. A scalar.
///
/// # Errors
///
/// A tensor is empty, has the wrong type or is not on the CPU, the shapes do not fit, a target is not a class, or all
/// rows are ignored.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor, ignore_index: Option<u32>) -> Result<Tensor> {
	const OP: &str = "cross_entropy";
	let logits = input(OP, "logits", logits)?;
	if targets.dtype() != DType::U32 {
		bail!("{OP}: targets are {:?}, they must be U32", targets.dtype());
	}
	let &[rows, _] = logits.dims() else { bail!("{OP}: logits have shape {:?}, (n, v) is needed", logits.dims()) };
	expect_shape(OP, "targets", targets, &[rows], &logits)?;
	logits.apply_op2(&targets.contiguous()?, CrossEntropy { ignore: ignore_index })
}
