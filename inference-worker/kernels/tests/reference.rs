//! Every operation against the specification written out naively, bit for bit.

mod common;

use autonomy_kernels::{self as kernels, gemm, math};
use candle_core::{Result, Tensor, Var};
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
fn dot(pairs: impl IntoIterator<Item = (f32, f32)>) -> f32 {
	let mut lanes = [0.0f32; 16];
	for (i, (a, b)) in pairs.into_iter().enumerate() {
		lanes[i % 16] = a.mul_add(b, lanes[i % 16]);
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

fn to_bits(values: &[f32]) -> Vec<u32> {
	values.iter().map(|v| v.to_bits()).collect()
}

fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
	(0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}

#[test]
fn matmul_and_linear_should_equal_the_specification_when_shapes_are_odd() -> Result<()> {
	for (m, k, n) in [(1, 1, 1), (1, 1030, 65), (3, 512, 17), (7, 513, 33), (65, 30, 31), (100, 1025, 41), (2, 5, 300)]
	{
		let (a, b, bias) = (noise("a", &[m, k]), noise("b", &[k, n]), noise("bias", &[n]));
		let expected = gemm::reference(m, n, k, &flat(&a), &flat(&b));
		assert_eq!(bits(&kernels::matmul(&a, &b)?), to_bits(&expected), "{m}×{k}×{n}");
		let weight = b.t()?;
		let with_bias: Vec<f32> = expected.iter().enumerate().map(|(i, v)| v + flat(&bias)[i % n]).collect();
		assert_eq!(bits(&kernels::linear(&a, &weight, None)?), to_bits(&expected));
		assert_eq!(bits(&kernels::linear(&a, &weight, Some(&bias))?), to_bits(&with_bias));
	}
	Ok(())
}

#[test]
fn matmul_gradients_should_be_products_of_the_specification() -> Result<()> {
	let (m, k, n) = (33, 40, 530);
	let (a, b, g) = (var(&noise("a", &[m, k])), var(&noise("b", &[k, n])), noise("g", &[m, n]));
	let y = kernels::matmul(a.as_tensor(), b.as_tensor())?;
	let gradients = kernels::sum_all(&(&y * &g)?)?.backward()?;
	let (av, bv, gv) = (flat(a.as_tensor()), flat(b.as_tensor()), flat(&g));
	let da = gemm::reference(m, k, n, &gv, &transposed(&bv, k, n));
	let db = gemm::reference(k, n, m, &transposed(&av, m, k), &gv);
	assert_eq!(bits(gradients.get(a.as_tensor()).expect("a gradient")), to_bits(&da));
	assert_eq!(bits(gradients.get(b.as_tensor()).expect("a gradient")), to_bits(&db));
	Ok(())
}

struct Conv {
	b: usize,
	ci: usize,
	co: usize,
	h: usize,
	w: usize,
	kh: usize,
	kw: usize,
	stride: usize,
	padding: usize,
}

impl Conv {
	fn out(&self) -> (usize, usize) {
		(
			(self.h + 2 * self.padding - self.kh) / self.stride + 1,
			(self.w + 2 * self.padding - self.kw) / self.stride + 1,
		)
	}

	fn x(&self, x: &[f32], b: usize, c: usize, y: isize, z: isize) -> f32 {
		let inside = y >= 0 && z >= 0 && y < self.h as isize && z < self.w as isize;
		if inside {
			x[((b * self.ci + c) * self.h + y as usize) * self.w + z as usize]
		} else {
			0.0
		}
	}

	/// im2col of one batch: rows (c, ky, kx), columns (b, oy, ox).
	fn columns(&self, x: &[f32]) -> Vec<f32> {
		let (oh, ow) = self.out();
		let mut columns = Vec::new();
		for c in 0..self.ci {
			for (ky, kx) in (0..self.kh).flat_map(|ky| (0..self.kw).map(move |kx| (ky, kx))) {
				for b in 0..self.b {
					for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
						let y = (oy * self.stride + ky) as isize - self.padding as isize;
						let z = (ox * self.stride + kx) as isize - self.padding as isize;
						columns.push(self.x(x, b, c, y, z));
					}
				}
			}
		}
		columns
	}

	/// (co, b · pixels) to (b, co, pixels), and back.
	fn images(&self, y: &[f32], channels: usize, pixels: usize, back: bool) -> Vec<f32> {
		let mut out = vec![0.0; y.len()];
		for b in 0..self.b {
			for c in 0..channels {
				for p in 0..pixels {
					let (flat, image) = ((c * self.b + b) * pixels + p, (b * channels + c) * pixels + p);
					if back {
						out[flat] = y[image];
					} else {
						out[image] = y[flat];
					}
				}
			}
		}
		out
	}

	/// The gradient of the input as the specification puts it: over the taps that reach a pixel, (o, ky ↓, kx ↓).
	fn dx(&self, g: &[f32], weight: &[f32]) -> Vec<f32> {
		let (oh, ow) = self.out();
		let mut dx = vec![0.0f32; self.b * self.ci * self.h * self.w];
		for (at, value) in dx.iter_mut().enumerate() {
			let (x, y) = (at % self.w, at / self.w % self.h);
			let (c, b) = (at / (self.w * self.h) % self.ci, at / (self.w * self.h * self.ci));
			let mut terms = Vec::new();
			for o in 0..self.co {
				for ky in (0..self.kh).rev() {
					for kx in (0..self.kw).rev() {
						let (dy, dz) =
							((y + self.padding) as isize - ky as isize, (x + self.padding) as isize - kx as isize);
						let stride = self.stride as isize;
						if dy.rem_euclid(stride) != 0 || dz.rem_euclid(stride) != 0 {
							continue;
						}
						let (oy, ox) = (dy.div_euclid(stride), dz.div_euclid(stride));
						let inside = oy >= 0 && ox >= 0 && oy < oh as isize && ox < ow as isize;
						let gradient =
							if inside { g[((b * self.co + o) * oh + oy as usize) * ow + ox as usize] } else { 0.0 };
						terms.push((weight[((o * self.ci + c) * self.kh + ky) * self.kw + kx], gradient));
					}
				}
			}
			let (a, g): (Vec<f32>, Vec<f32>) = terms.into_iter().unzip();
			if !a.is_empty() {
				*value = gemm::reference(1, 1, a.len(), &a, &g)[0];
			}
		}
		dx
	}
}

#[test]
fn conv2d_should_equal_the_specification_forward_and_backward_when_geometry_varies() -> Result<()> {
	for (b, ci, co, h, w, kh, kw, stride, padding) in [
		(2, 3, 5, 6, 7, 3, 3, 1, 1),
		(1, 60, 33, 8, 8, 3, 3, 1, 1),
		(3, 5, 70, 9, 9, 3, 3, 2, 1),
		(2, 17, 4, 5, 32, 1, 1, 1, 0),
		(2, 3, 3, 7, 5, 2, 4, 3, 2),
		(1, 2, 2, 5, 5, 3, 3, 1, 3),
		(2, 64, 20, 16, 16, 3, 3, 1, 1),
		(1, 4, 4, 6, 6, 1, 1, 2, 0),
	] {
		let conv = Conv { b, ci, co, h, w, kh, kw, stride, padding };
		let (oh, ow) = conv.out();
		let (k, pixels) = (ci * kh * kw, oh * ow);
		let (x, weight) = (noise("x", &[b, ci, h, w]), noise("w", &[co, ci, kh, kw]));
		let (bias, g) = (noise("bias", &[co]), noise("g", &[b, co, oh, ow]));
		let [xv, wv, bv] = [var(&x), var(&weight), var(&bias)];
		let y = kernels::conv2d(xv.as_tensor(), wv.as_tensor(), Some(bv.as_tensor()), stride, padding)?;
		let columns = conv.columns(&flat(&x));
		let product = gemm::reference(co, b * pixels, k, &flat(&weight), &columns);
		let mut expected = conv.images(&product, co, pixels, false);
		for (i, value) in expected.iter_mut().enumerate() {
			*value += flat(&bias)[i / pixels % co];
		}
		let name = format!("{b}×{ci}→{co} {h}×{w} kernel {kh}×{kw} stride {stride} padding {padding}");
		assert_eq!(bits(&y), to_bits(&expected), "{name}");

		let gradients = kernels::sum_all(&(&y * &g)?)?.backward()?;
		let gradient = |v: &Var| bits(gradients.get(v.as_tensor()).expect("a gradient"));
		let gv = flat(&g);
		let by_channel = conv.images(&gv, co, pixels, true);
		let dw = gemm::reference(co, k, b * pixels, &by_channel, &transposed(&columns, k, b * pixels));
		assert_eq!(gradient(&wv), to_bits(&dw), "{name}: weight");
		assert_eq!(gradient(&xv), to_bits(&conv.dx(&gv, &flat(&weight))), "{name}: input");
		let plane = |b: usize, c: usize| sum(gv[(b * co + c) * pixels..][..pixels].iter().copied());
		let db: Vec<f32> = (0..co).map(|c| sum((0..b).map(|b| plane(b, c)))).collect();
		assert_eq!(gradient(&bv), to_bits(&db), "{name}: bias");
	}
	Ok(())
}

#[test]
fn norms_should_equal_the_specification_when_sizes_are_odd() -> Result<()> {
	let statistics = |x: &[f32], eps: f32| {
		let count = x.len() as f32;
		let mean = sum(x.iter().copied()) / count;
		let variance = dot(x.iter().map(|v| (v - mean, v - mean))) / count;
		(mean, 1.0 / (variance + eps).sqrt())
	};
	for (b, c, plane, groups) in [(2, 6, 35, 3), (1, 4, 1, 2), (3, 32, 300, 8)] {
		let (x, w, bias) = (noise("x", &[b, c, plane]), noise("w", &[c]), noise("b", &[c]));
		let y = kernels::group_norm(&x, &w, &bias, groups, 1e-5)?;
		let group = c / groups * plane;
		let mut expected = Vec::new();
		for (g, x) in flat(&x).chunks(group).enumerate() {
			let (mean, inverse) = statistics(x, 1e-5);
			for (i, x) in x.iter().enumerate() {
				let channel = g % groups * (c / groups) + i / plane;
				expected.push(((x - mean) * inverse).mul_add(flat(&w)[channel], flat(&bias)[channel]));
			}
		}
		assert_eq!(bits(&y), to_bits(&expected), "group_norm {b}×{c}×{plane}");
	}
	for (rows, n) in [(1, 1), (3, 17), (40, 320)] {
		let (x, w, bias) = (noise("x", &[rows, n]), noise("w", &[n]), noise("b", &[n]));
		let (mut layer, mut rms) = (Vec::new(), Vec::new());
		for x in flat(&x).chunks(n) {
			let (mean, inverse) = statistics(x, 1e-5);
			let root = 1.0 / (dot(x.iter().map(|v| (*v, *v))) / n as f32 + 1e-6).sqrt();
			for (j, x) in x.iter().enumerate() {
				layer.push(((x - mean) * inverse).mul_add(flat(&w)[j], flat(&bias)[j]));
				rms.push((x * root) * flat(&w)[j]);
			}
		}
		assert_eq!(bits(&kernels::layer_norm(&x, &w, &bias, 1e-5)?), to_bits(&layer), "layer_norm {rows}×{n}");
		assert_eq!(bits(&kernels::rms_norm(&x, &w, 1e-6)?), to_bits(&rms), "rms_norm {rows}×{n}");
	}
	Ok(())
}

#[test]
fn softmax_should_equal_the_specification_when_rows_are_odd() -> Result<()> {
	for (rows, n) in [(1, 1), (5, 15), (3, 77), (20, 1003)] {
		let x = noise("x", &[rows, n]);
		let mut expected = Vec::new();
		for x in flat(&x).chunks(n) {
			let max = x.iter().fold(f32::NEG_INFINITY, |max, v| if *v > max { *v } else { max });
			let e: Vec<f32> = x.iter().map(|v| math::exp(v - max)).collect();
			let inverse = 1.0 / sum(e.iter().copied());
			expected.extend(e.iter().map(|e| e * inverse));
		}
		assert_eq!(bits(&kernels::softmax(&x)?), to_bits(&expected), "{rows}×{n}");
	}
	Ok(())
}

#[test]
fn attention_should_equal_the_specification_when_causal_or_grouped() -> Result<()> {
	for (h, hk, lq, lk, d, dv, causal) in [
		(1, 1, 1, 1, 1, 1, None),
		(2, 2, 130, 70, 40, 40, None),
		(4, 2, 9, 9, 16, 8, Some(0)),
		(6, 2, 5, 600, 8, 24, Some(590)),
		(3, 3, 100, 1100, 12, 12, Some(1000)),
	] {
		let (q, k, v) = (noise("q", &[2, h, lq, d]), noise("k", &[2, hk, lk, d]), noise("v", &[2, hk, lk, dv]));
		let y = kernels::attention(&q, &k, &v, 0.3, causal)?;
		let (qs, ks, vs) = (flat(&q), flat(&k), flat(&v));
		let mut expected = Vec::new();
		for row in 0..2 * h * lq {
			let (head, i) = (row / lq, row % lq);
			let key_head = head / h * hk + head % h / (h / hk);
			let seen = causal.map_or(lk, |position| position + i + 1);
			let query: Vec<f32> = qs[row * d..(row + 1) * d].iter().map(|v| v * 0.3).collect();
			let keys = transposed(&ks[key_head * lk * d..][..seen * d], seen, d);
			let scores = gemm::reference(1, seen, d, &query, &keys);
			let max = scores.iter().fold(f32::NEG_INFINITY, |max, v| if *v > max { *v } else { max });
			let e: Vec<f32> = scores.iter().map(|v| math::exp(v - max)).collect();
			let inverse = 1.0 / sum(e.iter().copied());
			let out = gemm::reference(1, dv, seen, &e, &vs[key_head * lk * dv..][..seen * dv]);
			expected.extend(out.iter().map(|v| v * inverse + 0.0));
		}
		assert_eq!(bits(&y), to_bits(&expected), "{h}/{hk} heads {lq}×{lk} {causal:?}");
	}
	Ok(())
}

#[test]
fn elementwise_operations_should_equal_their_scalar_functions() -> Result<()> {
	type Pair = (fn(&Tensor) -> Result<Tensor>, fn(f32) -> f32);
	let pairs: [Pair; 8] = [
		(kernels::exp, math::exp),
		(kernels::tanh, math::tanh),
		(kernels::sigmoid, math::sigmoid),
		(kernels::silu, math::silu),
		(kernels::gelu_tanh, math::gelu_tanh),
		(kernels::gelu_erf, math::gelu_erf),
		(kernels::quick_gelu, math::quick_gelu),
		(kernels::relu, math::relu),
	];
	let x = (noise("x", &[40_007]) * 6.0)?;
	for (op, scalar) in pairs {
		let expected: Vec<f32> = flat(&x).into_iter().map(scalar).collect();
		assert_eq!(bits(&op(&x)?), to_bits(&expected));
	}
	let (x, bias) = (noise("x", &[33, 7]), noise("bias", &[7]));
	let expected: Vec<f32> = flat(&x).iter().enumerate().map(|(i, x)| x + flat(&bias)[i % 7]).collect();
	assert_eq!(bits(&kernels::add_bias(&x, &bias)?), to_bits(&expected));
	let (x, scale, shift) = (noise("x", &[2, 3, 5, 4]), noise("scale", &[2, 3]), noise("shift", &[2, 3]));
	let affine = |(i, x): (usize, &f32)| x.mul_add(1.0 + flat(&scale)[i / 20], flat(&shift)[i / 20]);
	let expected: Vec<f32> = flat(&x).iter().enumerate().map(affine).collect();
	assert_eq!(bits(&kernels::channel_affine(&x, &scale, &shift)?), to_bits(&expected));
	Ok(())
}

#[test]
fn rearrangements_should_equal_the_specification() -> Result<()> {
	let (t, d) = (6, 10);
	let (x, cos, sin) = (noise("x", &[2, 3, t, d]), noise("cos", &[t, d / 2]), noise("sin", &[t, d / 2]));
	let (c, s) = (flat(&cos), flat(&sin));
	let mut expected = Vec::new();
	for (row, x) in flat(&x).chunks(d).enumerate() {
		let at = |j: usize| row % t * (d / 2) + j;
		expected.extend((0..d / 2).map(|j| x[j].mul_add(c[at(j)], -(x[j + d / 2] * s[at(j)]))));
		expected.extend((0..d / 2).map(|j| x[j + d / 2].mul_add(c[at(j)], x[j] * s[at(j)])));
	}
	assert_eq!(bits(&kernels::rope(&x, &cos, &sin)?), to_bits(&expected));

	let x = noise("x", &[2, 3, 4, 5]);
	let doubled = kernels::upsample_nearest2x(&x)?;
	assert_eq!(bits(&doubled), bits(&x.upsample_nearest2d(8, 10)?));

	let table = noise("table", &[7, 5]);
	let rows = kernels::embedding(&ids(&[6, 0, 6, 2], &[2, 2]), &table)?;
	assert_eq!(rows.dims(), [2, 2, 5]);
	assert_eq!(flat(&rows)[5..10], flat(&table)[0..5]);
	assert_eq!(flat(&rows)[10..15], flat(&table)[30..35]);
	Ok(())
}

#[test]
fn losses_should_equal_the_specification() -> Result<()> {
	let (p, t, w) = (noise("p", &[5, 31]), noise("t", &[5, 31]), noise("w", &[5]));
	let terms = |weighted: bool| {
		let (p, t, w) = (flat(&p), flat(&t), flat(&w));
		let factor = move |i: usize| if weighted { w[i / 31] } else { 1.0 };
		sum((0..p.len()).map(move |i| (p[i] - t[i]) * (p[i] - t[i]) * factor(i))) / 155.0
	};
	assert_eq!(bits(&kernels::mse_loss(&p, &t, None)?), [terms(false).to_bits()]);
	assert_eq!(bits(&kernels::mse_loss(&p, &t, Some(&w))?), [terms(true).to_bits()]);

	let logits = noise("logits", &[4, 19]);
	let targets = [3u32, 18, 7, 0];
	let row = |i: usize| {
		let x = &flat(&logits)[i * 19..(i + 1) * 19];
		let max = x.iter().fold(f32::NEG_INFINITY, |max, v| if *v > max { *v } else { max });
		math::ln(sum(x.iter().map(|v| math::exp(v - max)))) + (max - x[targets[i] as usize])
	};
	let expected = sum([row(0), row(1), 0.0, row(3)]) / 3.0;
	let loss = kernels::cross_entropy(&logits, &ids(&targets, &[4]), Some(7))?;
	assert_eq!(bits(&loss), [expected.to_bits()]);
	Ok(())
}

#[test]
fn operations_should_agree_with_candle_within_rounding() -> Result<()> {
	let close = |a: &Tensor, b: &Tensor| {
		let distance = common::distance(a, b);
		assert!(distance < 1e-4, "{distance}");
	};
	let (x, w, b) = (noise("x", &[2, 8, 12, 12]), noise("w", &[6, 8, 3, 3]), noise("b", &[6]));
	let expected = x.conv2d(&w, 1, 2, 1, 1)?.broadcast_add(&b.reshape((1, 6, 1, 1))?)?;
	close(&kernels::conv2d(&x, &w, Some(&b), 2, 1)?, &expected);
	let (gw, gb) = (noise("gw", &[8]), noise("gb", &[8]));
	let norm = candle_nn::GroupNorm::new(gw.clone(), gb.clone(), 8, 4, 1e-5)?;
	close(&kernels::group_norm(&x, &gw, &gb, 4, 1e-5)?, &candle_core::Module::forward(&norm, &x)?);
	let rows = noise("rows", &[9, 8]);
	close(&kernels::layer_norm(&rows, &gw, &gb, 1e-5)?, &candle_nn::ops::layer_norm_slow(&rows, &gw, &gb, 1e-5)?);
	close(&kernels::rms_norm(&rows, &gw, 1e-5)?, &candle_nn::ops::rms_norm_slow(&rows, &gw, 1e-5)?);
	close(&kernels::softmax(&rows)?, &candle_nn::ops::softmax_last_dim(&rows)?);
	close(&kernels::silu(&rows)?, &rows.silu()?);
	close(&kernels::gelu_tanh(&rows)?, &rows.gelu()?);
	close(&kernels::gelu_erf(&rows)?, &rows.gelu_erf()?);
	close(&kernels::tanh(&rows)?, &rows.tanh()?);
	let (q, k, v) = (noise("q", &[1, 2, 7, 8]), noise("k", &[1, 2, 9, 8]), noise("v", &[1, 2, 9, 8]));
	let scores = (q.matmul(&k.transpose(2, 3)?)? * 0.4)?;
	close(&kernels::attention(&q, &k, &v, 0.4, None)?, &candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?);
	let (cos, sin) = (noise("cos", &[7, 4]), noise("sin", &[7, 4]));
	close(&kernels::rope(&q, &cos, &sin)?, &candle_nn::rotary_emb::rope_slow(&q, &cos, &sin)?);
	close(&kernels::matmul(&q, &k.transpose(2, 3)?)?, &q.matmul(&k.transpose(2, 3)?)?);
	let logits = noise("logits", &[5, 11]);
	let targets = ids(&[1, 2, 3, 10, 0], &[5]);
	close(&kernels::cross_entropy(&logits, &targets, None)?, &candle_nn::loss::cross_entropy(&logits, &targets)?);
	Ok(())
}
