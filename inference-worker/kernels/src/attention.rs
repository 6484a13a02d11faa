//! Scaled dot-product attention, grouped-query and causal variants included.
//!
//! For a query row: the query is multiplied by the scale; the scores are its matrix product with the keys it may see;
//! the weights are e^(score − max) and their 16-lane sum; the result is the matrix product of the weights and the
//! values, times 1 / sum, plus +0. Keys that a row may not see contribute nothing, so a row has the same bits in a
//! prefill of many rows and in a decoding step of one. A block of rows is worked on at a time: the matrix of all
//! scores never exists.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::gemm::{multiply, multiply_serial, Bias, Output, Product};
use crate::isa::multiversion;
use crate::pack::Strided;
use crate::reduce::dot;
use crate::softmax::exponentiate;
use crate::tensor::{input, slice, stored, tensor, values};

/// Query rows worked on together.
const ROWS: usize = 96;

struct Attention {
	scale: f32,
	causal: Option<usize>,
}

/// The sizes of one attention. The query heads that share a key head are neighbours, so their rows form one matrix.
#[derive(Clone, Copy)]
struct Sizes {
	/// Batch × key heads.
	units: usize,
	/// Rows of one unit: query heads per key head × query length.
	rows: usize,
	lq: usize,
	lk: usize,
	d: usize,
	dv: usize,
}

multiversion! {
	fn scaled(x: &[f32], scale: f32, y: &mut [f32]) {
		for (x, y) in x.iter().zip(y) {
			*y = x * scale;
		}
	}

	/// Adding +0 turns −0 into +0: a row that skips unseen keys and one that adds their zeros then agree.
	fn normalise(row: &mut [f32], inverse: f32) {
		for value in row.iter_mut() {
			*value = *value * inverse + 0.0;
		}
	}

	/// ds = p · (dp − mean)
	fn score_gradient(p: &[f32], mean: f32, dp: &mut [f32]) {
		for (p, dp) in p.iter().zip(dp.iter_mut()) {
			*dp = p * (*dp - mean);
		}
	}
}

impl Attention {
	/// How many keys a row of a unit sees.
	fn seen(&self, sizes: &Sizes, row: usize) -> usize {
		match self.causal {
			Some(position) => (position + row % sizes.lq + 1).min(sizes.lk),
			None => sizes.lk,
		}
	}

	fn sizes(&self, q: &[usize], k: &[usize], v: &[usize]) -> Result<Sizes> {
		let (&[b, h, lq, d], &[kb, hk, lk, kd], &[vb, hv, lv, dv]) = (q, k, v) else {
			bail!("attention: q {q:?}, k {k:?}, v {v:?}: each needs four dimensions, (batch, heads, length, size)");
		};
		if kb != b || vb != b || kd != d || hv != hk || lv != lk || h % hk != 0 {
			bail!(
				"attention: q {q:?}, k {k:?} and v {v:?} do not fit: (b, h, lq, d), (b, hk, lk, d) and (b, hk, lk, dv) \
				 are needed, where hk divides h"
			);
		}
		if let Some(position) = self.causal {
			if position.checked_add(lq).is_none_or(|end| end > lk) {
				bail!("attention: {lq} queries from position {position} on reach past the {lk} keys");
			}
		}
		Ok(Sizes { units: b * hk, rows: h / hk * lq, lq, lk, d, dv })
	}

	/// Writes the unnormalised weights of some rows (row-major, `keys` wide) to `weights`; returns 1 / sum of each
	/// row.
	fn weights(
		&self,
		sizes: &Sizes,
		(first, q): (usize, &[f32]),
		key: &[f32],
		keys: usize,
		weights: &mut [f32],
		run: fn(&Product<'_>),
	) -> Vec<f32> {
		let rows = q.len() / sizes.d;
		run(&Product {
			m: rows,
			n: keys,
			k: sizes.d,
			a: &Strided::k_contiguous(q, rows, sizes.d),
			b: &Strided::k_contiguous(key, keys, sizes.d),
			bias: Bias::None,
			out: Output::rows(weights, keys),
		});
		let mut inverses = Vec::with_capacity(rows);
		for (i, row) in weights.chunks_exact_mut(keys).enumerate() {
			let (seen, unseen) = row.split_at_mut(self.seen(sizes, first + i));
			let (_, sum) = exponentiate(seen);
			unseen.fill(0.0);
			inverses.push(1.0 / sum);
		}
		inverses
	}

	fn forward(&self, q: &[f32], k: &[f32], v: &[f32], sizes: &Sizes) -> Vec<f32> {
		let Sizes { units, rows, lk, d, dv, .. } = *sizes;
		let mut out = vec![0.0f32; units * rows * dv];
		let blocks: Vec<(usize, usize, &mut [f32])> = out
			.chunks_exact_mut(rows * dv)
			.enumerate()
			.flat_map(|(unit, out)| {
				out.chunks_mut(ROWS * dv).enumerate().map(move |(block, out)| (unit, block * ROWS, out))
			})
			.collect();
		let work = |(scores, scaled_q): &mut (Vec<f32>, Vec<f32>), (unit, first, out): (usize, usize, &mut [f32])| {
			let count = out.len() / dv;
			let keys = (first..first + count).map(|row| self.seen(sizes, row)).max().unwrap_or(0);
			let key = &k[unit * lk * d..(unit + 1) * lk * d];
			let value = &v[unit * lk * dv..(unit + 1) * lk * dv];
			scaled_q.resize(count * d, 0.0);
			scaled(&q[(unit * rows + first) * d..][..count * d], self.scale, scaled_q);
			if scores.len() < count * keys {
				scores.resize(count * keys, 0.0);
			}
			let scores = &mut scores[..count * keys];
			let inverses = self.weights(sizes, (first, scaled_q), key, keys, scores, multiply_serial);
			multiply_serial(&Product {
				m: count,
				n: dv,
				k: keys,
				a: &Strided::k_contiguous(scores, count, keys),
				b: &Strided::new(value, dv, keys, 1, dv),
				bias: Bias::None,
				out: Output::rows(out, dv),
			});
			for (row, inverse) in out.chunks_exact_mut(dv).zip(inverses) {
				normalise(row, inverse);
			}
		};
		let mut scratch = (Vec::new(), Vec::new());
		if rayon::current_num_threads() > 1 && units * rows * lk * (d + dv) > 1 << 18 {
			blocks.into_par_iter().for_each_init(|| (Vec::new(), Vec::new()), work);
		} else {
			blocks.into_iter().for_each(|block| work(&mut scratch, block));
		}
		out
	}

	/// The gradients of one unit; the weights are computed again rather than kept.
	#[allow(clippy::too_many_arguments)]
	fn unit_gradients(&self, sizes: &Sizes, [q, k, v, out, g]: [&[f32]; 5], [dq, dk, dv_out]: [&mut [f32]; 3]) {
		let Sizes { rows, lk, d, dv, .. } = *sizes;
		let run: fn(&Product<'_>) = multiply;
		let mut scaled_q = vec![0.0f32; q.len()];
		scaled(q, self.scale, &mut scaled_q);
		let mut p = vec![0.0f32; rows * lk];
		let inverses = self.weights(sizes, (0, &scaled_q), k, lk, &mut p, run);
		for (row, inverse) in p.chunks_exact_mut(lk).zip(inverses) {
			normalise(row, inverse);
		}
		let product = |(m, n, k): (usize, usize, usize), a: Strided<'_>, b: Strided<'_>, out: &mut [f32]| {
			run(&Product { m, n, k, a: &a, b: &b, bias: Bias::None, out: Output::rows(out, n) });
		};
		product((lk, dv, rows), Strided::lane_contiguous(&p, lk, rows), Strided::lane_contiguous(g, dv, rows), dv_out);
		let mut ds = vec![0.0f32; rows * lk];
		product((rows, lk, dv), Strided::k_contiguous(g, rows, dv), Strided::k_contiguous(v, lk, dv), &mut ds);
		for (i, (ds, p)) in ds.chunks_exact_mut(lk).zip(p.chunks_exact(lk)).enumerate() {
			score_gradient(p, dot(&g[i * dv..(i + 1) * dv], &out[i * dv..(i + 1) * dv]), ds);
		}
		product(
			(lk, d, rows),
			Strided::lane_contiguous(&ds, lk, rows),
			Strided::lane_contiguous(&scaled_q, d, rows),
			dk,
		);
		product((rows, d, lk), Strided::k_contiguous(&ds, rows, lk), Strided::lane_contiguous(k, d, lk), dq);
		for value in dq {
			*value *= self.scale;
		}
	}
}

impl CustomOp3 for Attention {
	fn name(&self) -> &'static str {
		"attention"
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
		let sizes = self.sizes(l1.dims(), l2.dims(), l3.dims())?;
		let out = self.forward(slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?, &sizes);
		let q = l1.dims();
		Ok(stored(out, (q[0], q[1], q[2], sizes.dv)))
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
		let sizes = self.sizes(l1.dims(), l2.dims(), l3.dims())?;
		let Sizes { units, rows, lq, lk, d, dv } = sizes;
		let on_device = crate::cuda::AttentionSizes { units, rows, lq, lk, d, dv };
		let y = crate::cuda::attention((s1, l1), (s2, l2), (s3, l3), on_device, self.scale, self.causal)?;
		let q = l1.dims();
		Ok((y, Shape::from((q[0], q[1], q[2], dv))))
	}

	fn bwd(
		&self,
		q: &Tensor,
		k: &Tensor,
		v: &Tensor,
		result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let sizes = self.sizes(q.dims(), k.dims(), v.dims())?;
		let (qs, ks, vs, os, gs) = (values(q)?, values(k)?, values(v)?, values(result)?, values(&grad)?);
		let Sizes { rows, lk, d, dv, .. } = sizes;
		let mut dq = vec![0.0f32; qs.len()];
		let mut dk = vec![0.0f32; ks.len()];
		let mut dvalue = vec![0.0f32; vs.len()];
		dq.par_chunks_exact_mut(rows * d)
			.zip(dk.par_chunks_exact_mut(lk * d).zip(dvalue.par_chunks_exact_mut(lk * dv)))
			.zip(qs.par_chunks_exact(rows * d).zip(ks.par_chunks_exact(lk * d).zip(vs.par_chunks_exact(lk * dv))))
			.zip(os.par_chunks_exact(rows * dv).zip(gs.par_chunks_exact(rows * dv)))
			.for_each(|(((dq, (dk, dv)), (q, (k, v))), (o, g))| {
				self.unit_gradients(&sizes, [q, k, v, o, g], [dq, dk, dv]);
			});
		Ok((Some(tensor(dq, q.shape())?), Some(tensor(dk, k.shape())?), Some(tensor(dvalue, v.shape())?)))
	}
}

/// softmax(scale · q · kᵀ) · v for `q` (b, h, lq, d), `k` (b, hk, lk, d) and `v` (b, hk, lk, dv), of shape (b, h, lq,
/// dv).
///
/// Where hk < h, each key head serves h / hk neighbouring query heads (grouped-query attention). `causal` is the
/// position of the first query row in the sequence of keys: query row `i` then sees the keys up to `causal + i`.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, the shapes do not fit, or causal queries reach past the keys.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, scale: f32, causal: Option<usize>) -> Result<Tensor> {
	const OP: &str = "attention";
	let (q, k, v) = (input(OP, "q", q)?, input(OP, "k", k)?, input(OP, "v", v)?);
	let op = Attention { scale, causal };
	op.sizes(q.dims(), k.dims(), v.dims())?;
	q.apply_op3(&k, &v, op)
}
