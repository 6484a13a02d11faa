//! Every gradient against the specification written out naively, bit for bit. Those of convolutions and matrix products
//! are in `reference.rs`.

mod common;

use autonomy_kernels::{self as kernels, gemm, math};
use candle_core::{Device, Result, Tensor, Var};
use common::{bits, flat, ids, noise, var};

/// The specification's sum: 16 lanes, then the tree.
fn sum(values: impl IntoIterator<Item = f32>) -> f32 {
	let mut lanes = [0.0f32; 16];
	for (i, value) in values.into_iter().enumerate() {
		lanes[i % 16] += value;
	}
	tree(lanes)
}

/// The specification's sum of products.
fn dot(x: &[f32], y: &[f32]) -> f32 {
	assert_eq!(x.len(), y.len());
	let mut lanes = [0.0f32; 16];
	for (i, (x, y)) in x.iter().zip(y).enumerate() {
		lanes[i % 16] = x.mul_add(*y, lanes[i % 16]);
	}
	tree(lanes)
}

fn tree(mut lanes: [f32; 16]) -> f32 {
	for half in [8, 4, 2, 1] {
		for j in 0..half {
			lanes[j] += lanes[j + half];
		}
	}
	lanes[0]
}

/// The sum over the rows of a matrix `n` columns wide.
fn over_rows(x: &[f32], n: usize) -> Vec<f32> {
	(0..n).map(|j| sum(x.iter().skip(j).step_by(n).copied())).collect()
}

/// The sum over the channels of images (b, c, plane).
fn over_channels(x: &[f32], channels: usize, plane: usize) -> Vec<f32> {
	let planes: Vec<f32> = x.chunks(plane).map(|plane| sum(plane.iter().copied())).collect();
	over_rows(&planes, channels)
}

fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
	(0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}

/// An operation, the gradient of its result and what becomes of it.
struct Backward {
	result: Vec<f32>,
	g: Vec<f32>,
	arguments: Vec<Vec<f32>>,
	gradients: Vec<Vec<u32>>,
}

impl Backward {
	fn of(arguments: &[Tensor], op: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<Self> {
		let vars: Vec<Var> = arguments.iter().map(var).collect();
		let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
		let y = op(&tensors)?;
		let g = noise("gradient of the result", y.dims());
		let found = kernels::sum_all(&(&y * &g)?)?.backward()?;
		let gradients = tensors.iter().map(|tensor| bits(found.get(tensor).expect("a gradient"))).collect();
		Ok(Self { result: flat(&y), g: flat(&g), arguments: arguments.iter().map(flat).collect(), gradients })
	}

	/// Compares the gradient of an argument. Candle adds gradients to +0, so a −0 is not seen.
	fn check(&self, argument: usize, name: &str, expected: &[f32]) {
		let expected: Vec<u32> = expected.iter().map(|value| (value + 0.0).to_bits()).collect();
		assert_eq!(self.gradients[argument], expected, "{name}");
	}
}

#[test]
fn linear_should_have_the_gradients_of_the_specification() -> Result<()> {
	for (m, k, n) in [(1, 7, 5), (3, 600, 33), (40, 65, 530), (530, 20, 9)] {
		let arguments = [noise("x", &[m, k]), noise("w", &[n, k]), noise("b", &[n])];
		let found = Backward::of(&arguments, |t| kernels::linear(&t[0], &t[1], Some(&t[2])))?;
		let [x, w, _] = &found.arguments[..] else { unreachable!("three arguments") };
		let name = format!("{m}×{k}×{n}");
		found.check(0, &name, &gemm::reference(m, k, n, &found.g, w));
		found.check(1, &name, &gemm::reference(n, k, m, &transposed(&found.g, m, n), x));
		found.check(2, &name, &over_rows(&found.g, n));
	}
	Ok(())
}

#[test]
fn additions_should_have_the_gradients_of_the_specification() -> Result<()> {
	let (rows, n) = (1030, 21);
	let found = Backward::of(&[noise("x", &[rows, n]), noise("b", &[n])], |t| kernels::add_bias(&t[0], &t[1]))?;
	found.check(0, "add_bias, x", &found.g);
	found.check(1, "add_bias, bias", &over_rows(&found.g, n));

	let (b, c, plane) = (19, 5, 6 * 7);
	let arguments = [noise("x", &[b, c, 6, 7]), noise("b", &[c])];
	let found = Backward::of(&arguments, |t| kernels::add_channel_bias(&t[0], &t[1]))?;
	let (x, bias) = (&found.arguments[0], &found.arguments[1]);
	let expected: Vec<f32> = x.iter().enumerate().map(|(i, x)| x + bias[i / plane % c]).collect();
	assert_eq!(bits(&kernels::add_channel_bias(&arguments[0], &arguments[1])?), to_bits(&expected));
	found.check(0, "add_channel_bias, x", &found.g);
	found.check(1, "add_channel_bias, bias", &over_channels(&found.g, c, plane));

	let arguments = [noise("x", &[b, c, 6, 7]), noise("scale", &[b, c]), noise("shift", &[b, c])];
	let found = Backward::of(&arguments, |t| kernels::channel_affine(&t[0], &t[1], &t[2]))?;
	let [x, scale, _] = &found.arguments[..] else { unreachable!("three arguments") };
	let dx: Vec<f32> = found.g.iter().enumerate().map(|(i, g)| g.mul_add(1.0 + scale[i / plane], 0.0)).collect();
	let planes = || found.g.chunks(plane);
	found.check(0, "channel_affine, x", &dx);
	let dscale: Vec<f32> = planes().zip(x.chunks(plane)).map(|(g, x)| dot(g, x)).collect();
	found.check(1, "channel_affine, scale", &dscale);
	found.check(2, "channel_affine, shift", &planes().map(|g| sum(g.iter().copied())).collect::<Vec<_>>());
	Ok(())
}

fn to_bits(values: &[f32]) -> Vec<u32> {
	values.iter().map(|value| value.to_bits()).collect()
}

/// Mean and inverse deviation.
fn moments(x: &[f32], eps: f32) -> (f32, f32) {
	let count = x.len() as f32;
	let mean = sum(x.iter().copied()) / count;
	let distances: Vec<f32> = x.iter().map(|x| x - mean).collect();
	(mean, 1.0 / (dot(&distances, &distances) / count + eps).sqrt())
}

fn times(x: &[f32], y: &[f32]) -> Vec<f32> {
	x.iter().zip(y).map(|(x, y)| x * y).collect()
}

#[test]
fn norms_of_rows_should_have_the_gradients_of_the_specification() -> Result<()> {
	for (rows, n) in [(1, 1), (3, 17), (45, 320)] {
		let arguments = [noise("x", &[rows, n]), noise("w", &[n]), noise("b", &[n])];
		let layer = Backward::of(&arguments, |t| kernels::layer_norm(&t[0], &t[1], &t[2], 1e-5))?;
		let rms = Backward::of(&arguments[..2], |t| kernels::rms_norm(&t[0], &t[1], 1e-6))?;
		for (is_layer, found) in [(true, &layer), (false, &rms)] {
			let (x, weight, count) = (&found.arguments[0], &found.arguments[1], n as f32);
			let (mut dx, mut unit_gradients) = (Vec::new(), Vec::new());
			for (x, g) in x.chunks(n).zip(found.g.chunks(n)) {
				let (mean, inverse) = match is_layer {
					true => moments(x, 1e-5),
					false => (0.0, 1.0 / (dot(x, x) / count + 1e-6).sqrt()),
				};
				let unit: Vec<f32> = x.iter().map(|x| (x - mean) * inverse).collect();
				let gw = times(g, weight);
				let mean_gw = if is_layer { sum(gw.iter().copied()) / count } else { 0.0 };
				let mean_gwx = dot(&gw, &unit) / count;
				dx.extend(gw.iter().zip(&unit).map(|(gw, unit)| inverse * ((gw - mean_gw) - unit * mean_gwx)));
				unit_gradients.extend(times(g, &unit));
			}
			let name = format!("{rows}×{n}, layer norm: {is_layer}");
			found.check(0, &name, &dx);
			found.check(1, &name, &over_rows(&unit_gradients, n));
			if is_layer {
				found.check(2, &name, &over_rows(&found.g, n));
			}
		}
	}
	Ok(())
}

#[test]
fn group_norm_should_have_the_gradients_of_the_specification() -> Result<()> {
	for (b, c, plane, groups) in [(2, 6, 35, 3), (1, 4, 1, 2), (18, 34, 20, 2), (3, 32, 300, 8)] {
		let arguments = [noise("x", &[b, c, plane]), noise("w", &[c]), noise("b", &[c])];
		let found = Backward::of(&arguments, |t| kernels::group_norm(&t[0], &t[1], &t[2], groups, 1e-5))?;
		let (x, weight, channels) = (&found.arguments[0], &found.arguments[1], c / groups);
		let group = channels * plane;
		let (mut dx, mut sums, mut unit_sums) = (Vec::new(), Vec::new(), Vec::new());
		for (at, (x, g)) in x.chunks(group).zip(found.g.chunks(group)).enumerate() {
			let weight = &weight[at % groups * channels..][..channels];
			let (mean, inverse) = moments(x, 1e-5);
			let unit: Vec<f32> = x.iter().map(|x| (x - mean) * inverse).collect();
			let of_g: Vec<f32> = g.chunks(plane).map(|g| sum(g.iter().copied())).collect();
			let of_unit: Vec<f32> = g.chunks(plane).zip(unit.chunks(plane)).map(|(g, unit)| dot(g, unit)).collect();
			let (mean_gw, mean_gwx) = (dot(weight, &of_g) / group as f32, dot(weight, &of_unit) / group as f32);
			for (i, (g, unit)) in g.iter().zip(&unit).enumerate() {
				dx.push(inverse * ((g * weight[i / plane] - mean_gw) - unit * mean_gwx));
			}
			sums.extend(of_g);
			unit_sums.extend(of_unit);
		}
		let name = format!("{b}×{c}×{plane}, {groups} groups");
		found.check(0, &name, &dx);
		found.check(1, &name, &over_rows(&unit_sums, c));
		found.check(2, &name, &over_rows(&sums, c));
	}
	Ok(())
}

#[test]
fn softmax_should_have_the_gradient_of_the_specification() -> Result<()> {
	for (rows, n) in [(1, 1), (5, 15), (20, 1003)] {
		let found = Backward::of(&[noise("x", &[rows, n])], |t| kernels::softmax(&t[0]))?;
		let mut dx = Vec::new();
		for (y, g) in found.result.chunks(n).zip(found.g.chunks(n)) {
			let mean = dot(g, y);
			dx.extend(y.iter().zip(g).map(|(y, g)| y * (g - mean)));
		}
		found.check(0, &format!("{rows}×{n}"), &dx);
	}
	Ok(())
}

#[test]
fn attention_should_have_the_gradients_of_the_specification() -> Result<()> {
	const SCALE: f32 = 0.3;
	for (h, hk, lq, lk, d, dv, causal) in [
		(1, 1, 1, 1, 1, 1, None),
		(2, 2, 30, 70, 40, 33, None),
		(4, 2, 9, 9, 16, 8, Some(0)),
		(6, 2, 5, 600, 8, 24, Some(590)),
		(3, 1, 200, 530, 12, 12, Some(330)),
	] {
		let arguments = [noise("q", &[2, h, lq, d]), noise("k", &[2, hk, lk, d]), noise("v", &[2, hk, lk, dv])];
		let found = Backward::of(&arguments, |t| kernels::attention(&t[0], &t[1], &t[2], SCALE, causal))?;
		let [q, k, v] = &found.arguments[..] else { unreachable!("three arguments") };
		let rows = h / hk * lq;
		let (mut dq, mut dk, mut dvalue) = (Vec::new(), Vec::new(), Vec::new());
		for unit in 0..2 * hk {
			let q = &q[unit * rows * d..][..rows * d];
			let (k, v) = (&k[unit * lk * d..][..lk * d], &v[unit * lk * dv..][..lk * dv]);
			let part = unit * rows * dv..(unit + 1) * rows * dv;
			let (g, y) = (&found.g[part.clone()], &found.result[part]);
			let scaled: Vec<f32> = q.iter().map(|q| q * SCALE).collect();
			let scores = gemm::reference(rows, lk, d, &scaled, &transposed(k, lk, d));
			let mut p = Vec::new();
			for (row, scores) in scores.chunks(lk).enumerate() {
				let seen = causal.map_or(lk, |position| position + row % lq + 1);
				let max = scores[..seen].iter().fold(f32::NEG_INFINITY, |max, x| if *x > max { *x } else { max });
				let e: Vec<f32> = scores[..seen].iter().map(|x| math::exp(x - max)).collect();
				let inverse = 1.0 / sum(e.iter().copied());
				p.extend(e.iter().map(|e| e * inverse + 0.0));
				p.extend(vec![0.0; lk - seen]);
			}
			dvalue.extend(gemm::reference(lk, dv, rows, &transposed(&p, rows, lk), g));
			let mut ds = gemm::reference(rows, lk, dv, g, &transposed(v, lk, dv));
			for (row, (ds, p)) in ds.chunks_mut(lk).zip(p.chunks(lk)).enumerate() {
				let mean = dot(&g[row * dv..][..dv], &y[row * dv..][..dv]);
				for (ds, p) in ds.iter_mut().zip(p) {
					*ds = p * (*ds - mean);
				}
			}
			dk.extend(gemm::reference(lk, d, rows, &transposed(&ds, rows, lk), &scaled));
			dq.extend(gemm::reference(rows, d, lk, &ds, k).into_iter().map(|value| value * SCALE));
		}
		for (argument, expected) in [dq, dk, dvalue].iter().enumerate() {
			found.check(argument, &format!("{h}/{hk} heads {lq}×{lk} {causal:?}, argument {argument}"), expected);
		}
	}
	Ok(())
}

#[test]
fn rearrangements_should_have_the_gradients_of_the_specification() -> Result<()> {
	let (length, half) = (6, 5);
	let (cos, sin) = (noise("cos", &[length, half]), noise("sin", &[length, half]));
	let found = Backward::of(&[noise("x", &[2, 3, length, 2 * half])], |t| kernels::rope(&t[0], &cos, &sin))?;
	let mut dx = Vec::new();
	let (cosines, sines) = (flat(&cos), flat(&sin));
	for (row, g) in found.g.chunks(2 * half).enumerate() {
		let at = row % length * half;
		let cos = &cosines[at..at + half];
		let back: Vec<f32> = sines[at..at + half].iter().map(|sin| -sin).collect();
		dx.extend((0..half).map(|j| g[j].mul_add(cos[j], -(g[j + half] * back[j]))));
		dx.extend((0..half).map(|j| g[j + half].mul_add(cos[j], g[j] * back[j])));
	}
	found.check(0, "rope", &dx);

	let (planes, h, w) = (6, 4, 5);
	let found = Backward::of(&[noise("x", &[2, 3, h, w])], |t| kernels::upsample_nearest2x(&t[0]))?;
	let at = |plane: usize, y: usize, x: usize| found.g[(plane * 2 * h + y) * 2 * w + x];
	let pixel = |i: usize| {
		let (plane, y, x) = (i / (h * w), 2 * (i / w % h), 2 * (i % w));
		(at(plane, y, x) + at(plane, y, x + 1)) + (at(plane, y + 1, x) + at(plane, y + 1, x + 1))
	};
	found.check(0, "upsample_nearest2x", &(0..planes * h * w).map(pixel).collect::<Vec<_>>());

	let (rows, d) = ([3u32, 0, 3, 5, 1, 3, 5], 4);
	let indices = ids(&rows, &[7]);
	let found = Backward::of(&[noise("table", &[6, d])], |t| kernels::embedding(&indices, &t[0]))?;
	let mut table = vec![0.0f32; 6 * d];
	for (row, g) in rows.iter().zip(found.g.chunks(d)) {
		for (sum, g) in table[*row as usize * d..].iter_mut().zip(g) {
			*sum += g;
		}
	}
	found.check(0, "embedding", &table);
	Ok(())
}

#[test]
fn activations_should_have_the_slopes_of_the_specification() -> Result<()> {
	const C: f32 = f32::from_bits(0x3f4c_422a);
	const D: f32 = f32::from_bits(0x3d37_2713);
	const R: f32 = f32::from_bits(0x3f35_04f3);
	const E: f32 = f32::from_bits(0x3ecc_422a);
	const Q: f32 = f32::from_bits(0x3fd9_db23);
	type Operation = fn(&Tensor) -> Result<Tensor>;
	/// Of x and y.
	type Slope = fn(f32, f32) -> f32;
	let slopes: [(&str, Operation, Slope); 8] = [
		("exp", kernels::exp, |_, y| y),
		("tanh", kernels::tanh, |_, y| 1.0 - y * y),
		("sigmoid", kernels::sigmoid, |_, y| y * (1.0 - y)),
		("silu", kernels::silu, |x, _| {
			let s = math::sigmoid(x);
			s * (1.0 + x * (1.0 - s))
		}),
		("quick_gelu", kernels::quick_gelu, |x, _| {
			let s = math::sigmoid(Q * x);
			s * (1.0 + Q * x * (1.0 - s))
		}),
		("gelu_tanh", kernels::gelu_tanh, |x, _| {
			let t = math::tanh(C * x * (1.0 + D * (x * x)));
			0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * (C * (1.0 + 3.0 * D * (x * x)))
		}),
		("gelu_erf", kernels::gelu_erf, |x, _| 0.5 * (1.0 + math::erf(x * R)) + x * (E * math::exp(-0.5 * x * x))),
		("relu", kernels::relu, |x, _| if x > 0.0 { 1.0 } else { 0.0 }),
	];
	let ramp: Vec<f32> = (0..6001).map(|i| (i as f32 - 3000.0) * 0.02).collect();
	let x = Tensor::cat(&[Tensor::from_vec(ramp, 6001, &Device::Cpu)?, noise("x", &[5001])], 0)?;
	for (name, operation, slope) in slopes {
		let found = Backward::of(std::slice::from_ref(&x), |t| operation(&t[0]))?;
		let values = found.arguments[0].iter().zip(&found.result).zip(&found.g);
		found.check(0, name, &values.map(|((x, y), g)| g * slope(*x, *y)).collect::<Vec<_>>());
	}
	Ok(())
}

#[test]
fn losses_should_have_the_gradients_of_the_specification() -> Result<()> {
	let (samples, n) = (5, 31);
	let arguments = [noise("pred", &[samples, n]), noise("target", &[samples, n]), noise("weight", &[samples])];
	let [p, t, w] = [0, 1, 2].map(|i| flat(&arguments[i]));
	for is_weighted in [false, true] {
		// The gradient of the loss is a number of its own, so that nothing is hidden by a factor of one.
		let found = Backward::of(&arguments[..2 + usize::from(is_weighted)], |t| {
			kernels::mse_loss(&t[0], &t[1], t.get(2))
		})?;
		let s = found.g[0] / (samples * n) as f32;
		let weight = |i: usize| if is_weighted { w[i / n] } else { 1.0 };
		let of = |a: &[f32], b: &[f32]| -> Vec<f32> {
			a.iter().zip(b).enumerate().map(|(i, (a, b))| (a - b) * (2.0 * weight(i) * s)).collect()
		};
		found.check(0, "mse_loss, pred", &of(&p, &t));
		found.check(1, "mse_loss, target", &of(&t, &p));
		if is_weighted {
			let d: Vec<f32> = p.iter().zip(&t).map(|(p, t)| p - t).collect();
			found.check(2, "mse_loss, weight", &d.chunks(n).map(|d| dot(d, d) * s).collect::<Vec<_>>());
		}
	}

	let (targets, classes) = ([3u32, 18, 7, 0], 19);
	let indices = ids(&targets, &[4]);
	let found = Backward::of(&[noise("logits", &[4, classes])], |t| kernels::cross_entropy(&t[0], &indices, Some(7)))?;
	let s = found.g[0] / 3.0;
	let mut dx = Vec::new();
	for (x, target) in found.arguments[0].chunks(classes).zip(targets) {
		if target == 7 {
			dx.extend(vec![0.0; classes]);
			continue;
		}
		let max = x.iter().fold(f32::NEG_INFINITY, |max, x| if *x > max { *x } else { max });
		let e: Vec<f32> = x.iter().map(|x| math::exp(x - max)).collect();
		let factor = s / sum(e.iter().copied());
		let start = dx.len();
		dx.extend(e.iter().map(|e| e * factor));
		dx[start + target as usize] -= s;
	}
	found.check(0, "cross_entropy", &dx);
	Ok(())
}

#[test]
fn sums_should_have_the_values_and_gradients_of_the_specification() -> Result<()> {
	for n in [1, 16, 155, 4097] {
		let x = noise("x", &[n]);
		let total = sum(flat(&x));
		assert_eq!(bits(&kernels::sum_all(&x)?), [total.to_bits()], "{n}");
		assert_eq!(bits(&kernels::mean_all(&x)?), [(total / n as f32).to_bits()], "{n}");
		let found = Backward::of(std::slice::from_ref(&x), |t| kernels::sum_all(&t[0]))?;
		found.check(0, "sum_all", &vec![found.g[0]; n]);
		let found = Backward::of(std::slice::from_ref(&x), |t| kernels::mean_all(&t[0]))?;
		found.check(0, "mean_all", &vec![found.g[0] / n as f32; n]);
	}
	Ok(())
}

#[test]
fn gradients_should_be_added_in_order_when_a_tensor_is_used_several_times() -> Result<()> {
	let (x, weights) = (var(&noise("x", &[9])), [0, 1, 2, 3].map(|i| noise(&format!("factor {i}"), &[9])));
	// x · w0, then + x · w1 and so on: backpropagation reaches the last use first.
	let mut y = (x.as_tensor() * &weights[0])?;
	for weight in &weights[1..] {
		y = (y + (x.as_tensor() * weight)?)?;
	}
	let gradients = kernels::sum_all(&y)?.backward()?;
	let mut expected = vec![0.0f32; 9];
	for weight in weights.iter().rev() {
		for (expected, weight) in expected.iter_mut().zip(flat(weight)) {
			*expected += weight;
		}
	}
	assert_eq!(bits(gradients.get(x.as_tensor()).expect("a gradient")), to_bits(&expected));
	Ok(())
}
