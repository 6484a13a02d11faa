//! Two-dimensional convolution as one matrix product over the whole batch.
//!
//! Output pixel (b, oy, ox) of channel `o` is the chain of the matrix product over k = (c, ky, kx), in that order, of
//! `weight[o, c, ky, kx]` and the zero-padded input at (oy · stride + ky − padding, ox · stride + kx − padding). The
//! product reads the padded image where it lies; an im2col matrix never exists.

use std::borrow::Cow;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::gemm::{multiply, Bias, Output, Product, Then};
use crate::pack::{Gathered, Lanes, Strided};
use crate::reduce::channel_sums;
use crate::tensor::{expect_shape, input, slice, stored, tensor, values};

/// The sizes of one convolution.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
	pub(crate) batch: usize,
	pub(crate) inputs: usize,
	pub(crate) outputs: usize,
	pub(crate) h: usize,
	pub(crate) w: usize,
	pub(crate) kh: usize,
	pub(crate) kw: usize,
	pub(crate) oh: usize,
	pub(crate) ow: usize,
}

impl Sizes {
	/// A weight (co, ci, kh, kw) as one operand of the product.
	pub(crate) fn lanes<'a>(&self, weight: &'a [f32]) -> Strided<'a> {
		Strided::k_contiguous(weight, self.outputs, self.inputs * self.kh * self.kw)
	}
}

/// Where a sum over taps reads an image: output pixel (y, x) and tap (dy, dx) read (y · stride + dy, x · stride +
/// dx), and zero outside of the image.
struct Window {
	taps: Vec<(isize, isize)>,
	stride: usize,
	oh: usize,
	ow: usize,
}

/// Zeros to put around an image of h × w, so that a window never leaves it.
struct Margins {
	top: usize,
	left: usize,
	/// Height and width with the margins.
	h: usize,
	w: usize,
}

impl Window {
	fn margins(&self, h: usize, w: usize) -> Margins {
		let span = |size: usize, out: usize, axis: fn(&(isize, isize)) -> isize| {
			let low = self.taps.iter().map(axis).min().unwrap_or(0);
			let high = self.taps.iter().map(axis).max().unwrap_or(0) + ((out.max(1) - 1) * self.stride) as isize;
			let before = usize::try_from(-low).unwrap_or(0);
			let after = usize::try_from(high + 1 - size as isize).unwrap_or(0);
			(before, before + size + after)
		};
		let (top, h) = span(h, self.oh, |tap| tap.0);
		let (left, w) = span(w, self.ow, |tap| tap.1);
		Margins { top, left, h, w }
	}

	/// Offset of every tap in a padded image whose pixels are `step` values apart.
	fn tap_offsets(&self, margins: &Margins, step: usize) -> Vec<usize> {
		let offset = |&(dy, dx): &(isize, isize)| {
			let (y, x) = (dy + margins.top as isize, dx + margins.left as isize);
			(y as usize * margins.w + x as usize) * step
		};
		self.taps.iter().map(offset).collect()
	}

	/// Offset of every output pixel of the batch in padded images `image` values apart.
	fn pixel_offsets(&self, margins: &Margins, batch: usize, image: usize, step: usize) -> Vec<usize> {
		let mut offsets = Vec::with_capacity(batch * self.oh * self.ow);
		for b in 0..batch {
			for y in 0..self.oh {
				let row = b * image + y * self.stride * margins.w * step;
				offsets.extend((0..self.ow).map(|x| row + x * self.stride * step));
			}
		}
		offsets
	}
}

/// The planes with their margins; the planes themselves where there are none.
fn padded<'a>(x: &'a [f32], h: usize, w: usize, margins: &Margins) -> Cow<'a, [f32]> {
	if (margins.h, margins.w) == (h, w) {
		return Cow::Borrowed(x);
	}
	let plane = margins.h * margins.w;
	let mut out = vec![0.0f32; x.len() / (h * w) * plane];
	let fill = |(target, source): (&mut [f32], &[f32])| {
		for (y, row) in source.chunks_exact(w).enumerate() {
			target[(y + margins.top) * margins.w + margins.left..][..w].copy_from_slice(row);
		}
	};
	if rayon::current_num_threads() > 1 && out.len() > 1 << 16 {
		out.par_chunks_exact_mut(plane).with_min_len(8).zip(x.par_chunks_exact(h * w)).for_each(fill);
	} else {
		out.chunks_exact_mut(plane).zip(x.chunks_exact(h * w)).for_each(fill);
	}
	Cow::Owned(out)
}

/// The images with their margins, channels innermost: (b, h, w, c).
fn padded_channels_last(x: &[f32], channels: usize, h: usize, w: usize, margins: &Margins) -> Vec<f32> {
	let image = margins.h * margins.w * channels;
	let mut out = vec![0.0f32; x.len() / (channels * h * w) * image];
	let fill = |(target, source): (&mut [f32], &[f32])| {
		for y in 0..h {
			let row = &mut target[((y + margins.top) * margins.w + margins.left) * channels..][..w * channels];
			for (c, plane) in source.chunks_exact(h * w).enumerate() {
				for (pixel, value) in row.chunks_exact_mut(channels).zip(&plane[y * w..(y + 1) * w]) {
					pixel[c] = *value;
				}
			}
		}
	};
	if rayon::current_num_threads() > 1 && out.len() > 1 << 16 {
		out.par_chunks_exact_mut(image).zip(x.par_chunks_exact(channels * h * w)).for_each(fill);
	} else {
		out.chunks_exact_mut(image).zip(x.chunks_exact(channels * h * w)).for_each(fill);
	}
	out
}

/// Slides `window` over the images `x` (b, c, h, w): writes (b, m, oh, ow), where lane `i` of `weight` (m, c · taps)
/// belongs to output channel `i`.
fn correlate(
	x: &[f32],
	(batch, channels, h, w): (usize, usize, usize, usize),
	window: &Window,
	weight: &dyn Lanes,
	bias: Bias<'_>,
	then: Then<'_>,
	out: &mut [f32],
) {
	let margins = window.margins(h, w);
	let plane = margins.h * margins.w;
	let image = padded(x, h, w, &margins);
	let taps = window.tap_offsets(&margins, 1);
	let ks: Vec<usize> = (0..channels).flat_map(|c| taps.iter().map(move |tap| c * plane + tap)).collect();
	let pixels = window.pixel_offsets(&margins, batch, channels * plane, 1);
	let (k, size) = (ks.len(), window.oh * window.ow);
	let m = weight.extent().0;
	multiply(&Product {
		m,
		n: pixels.len(),
		k,
		a: weight,
		b: &Gathered::new(&image, &pixels, &ks, false),
		bias,
		out: Output::images(out, size, size, m * size).then(then),
	});
}

#[derive(Clone, Copy)]
pub(crate) struct Conv2d {
	pub(crate) stride: usize,
	pub(crate) padding: usize,
}

impl Conv2d {
	pub(crate) fn sizes(&self, x: &[usize], weight: &[usize]) -> Result<Sizes> {
		let (&[batch, inputs, h, w], &[outputs, weight_inputs, kh, kw]) = (x, weight) else {
			bail!(
				"conv2d: x {x:?} and weight {weight:?}: both need four dimensions, (b, ci, h, w) and (co, ci, kh, kw)"
			);
		};
		if weight_inputs != inputs {
			bail!("conv2d: x {x:?} has {inputs} channels, weight {weight:?} takes {weight_inputs}");
		}
		if self.stride == 0 {
			bail!("conv2d: stride is 0, it must be at least 1");
		}
		let padded = |size: usize| self.padding.checked_mul(2).and_then(|zeros| zeros.checked_add(size));
		let fits = |sizes: [usize; 4]| {
			let count = sizes.into_iter().try_fold(1usize, usize::checked_mul);
			count.is_some_and(|count| count <= isize::MAX as usize / size_of::<f32>())
		};
		let (Some(high), Some(wide)) = (padded(h), padded(w)) else {
			bail!("conv2d: a padding of {} around x {x:?} is too large", self.padding);
		};
		if high < kh || wide < kw {
			bail!("conv2d: x {x:?} with padding {} is smaller than the kernel {kh}×{kw}", self.padding);
		}
		let (oh, ow) = ((high - kh) / self.stride + 1, (wide - kw) / self.stride + 1);
		if !fits([batch, inputs, high, wide]) || !fits([batch, outputs, oh, ow]) {
			bail!("conv2d: a padding of {} around x {x:?} is too large", self.padding);
		}
		Ok(Sizes { batch, inputs, outputs, h, w, kh, kw, oh, ow })
	}

	fn window(&self, sizes: &Sizes) -> Window {
		let padding = self.padding as isize;
		let taps = (0..sizes.kh as isize)
			.flat_map(|ky| (0..sizes.kw as isize).map(move |kx| (ky - padding, kx - padding)))
			.collect();
		Window { taps, stride: self.stride, oh: sizes.oh, ow: sizes.ow }
	}

	/// The convolution with a weight whose lane `o` holds the kernels of output channel `o`.
	pub(crate) fn forward(
		&self,
		x: &[f32],
		weight: &dyn Lanes,
		bias: Bias<'_>,
		then: Then<'_>,
		sizes: &Sizes,
	) -> (CpuStorage, Shape) {
		let mut out = vec![0.0f32; sizes.batch * sizes.outputs * sizes.oh * sizes.ow];
		let shape = (sizes.batch, sizes.inputs, sizes.h, sizes.w);
		correlate(x, shape, &self.window(sizes), weight, bias, then, &mut out);
		stored(out, (sizes.batch, sizes.outputs, sizes.oh, sizes.ow))
	}

	/// The taps that reach input rows (or columns) of residue `phase` modulo the stride: (kernel index, offset into
	/// the gradient), by ascending offset.
	fn phase_taps(&self, phase: usize, kernel: usize) -> Vec<(usize, isize)> {
		let stride = self.stride as isize;
		(0..kernel)
			.rev()
			.map(|tap| (tap, (phase + self.padding) as isize - tap as isize))
			.filter(|(_, distance)| distance.rem_euclid(stride) == 0)
			.map(|(tap, distance)| (tap, distance.div_euclid(stride)))
			.collect()
	}

	/// The gradient of the input: for every residue of the input position modulo the stride a correlation of the
	/// output's gradient with the taps that reach it, k = (output channel, ky descending, kx descending).
	pub(crate) fn input_gradient(&self, g: &[f32], weight: &[f32], sizes: &Sizes) -> Vec<f32> {
		let Sizes { batch, inputs, outputs, h, w, kh, kw, oh, ow } = *sizes;
		let mut dx = vec![0.0f32; batch * inputs * h * w];
		for (py, px) in (0..self.stride.min(h)).flat_map(|py| (0..self.stride.min(w)).map(move |px| (py, px))) {
			let (rows, columns) = (self.phase_taps(py, kh), self.phase_taps(px, kw));
			if rows.is_empty() || columns.is_empty() {
				continue;
			}
			let taps: Vec<_> = rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column))).collect();
			let mut flipped = Vec::with_capacity(inputs * outputs * taps.len());
			for (c, o) in (0..inputs).flat_map(|c| (0..outputs).map(move |o| (c, o))) {
				let kernel = &weight[(o * inputs + c) * kh * kw..][..kh * kw];
				flipped.extend(taps.iter().map(|&((ky, _), (kx, _))| kernel[ky * kw + kx]));
			}
			let weight = Strided::k_contiguous(&flipped, inputs, outputs * taps.len());
			let window = Window {
				taps: taps.iter().map(|&((_, dy), (_, dx))| (dy, dx)).collect(),
				stride: 1,
				oh: (h - py).div_ceil(self.stride),
				ow: (w - px).div_ceil(self.stride),
			};
			if self.stride == 1 {
				correlate(g, (batch, outputs, oh, ow), &window, &weight, Bias::None, Then::Nothing, &mut dx);
				continue;
			}
			let mut part = vec![0.0f32; batch * inputs * window.oh * window.ow];
			correlate(g, (batch, outputs, oh, ow), &window, &weight, Bias::None, Then::Nothing, &mut part);
			for (plane, part) in dx.chunks_exact_mut(h * w).zip(part.chunks_exact(window.oh * window.ow)) {
				for (y, row) in part.chunks_exact(window.ow).enumerate() {
					let start = (y * self.stride + py) * w + px;
					for (target, value) in plane[start..].iter_mut().step_by(self.stride).zip(row) {
						*target = *value;
					}
				}
			}
		}
		dx
	}

	/// The gradient of the weight: the matrix product over k = (b, oy, ox) of the output's gradient and the input.
	fn weight_gradient(&self, x: &[f32], g: &[f32], sizes: &Sizes) -> Vec<f32> {
		let Sizes { batch, inputs, outputs, h, w, oh, ow, .. } = *sizes;
		let window = self.window(sizes);
		let margins = window.margins(h, w);
		// Channels innermost: the columns of the product, (tap, channel), then lie next to each other.
		let image = padded_channels_last(x, inputs, h, w, &margins);
		let taps = window.tap_offsets(&margins, inputs);
		let columns: Vec<usize> = taps.iter().flat_map(|tap| (0..inputs).map(move |c| tap + c)).collect();
		let pixels = window.pixel_offsets(&margins, batch, margins.h * margins.w * inputs, inputs);
		let size = oh * ow;
		let rows: Vec<usize> = (0..outputs).map(|o| o * size).collect();
		let steps: Vec<usize> =
			(0..batch).flat_map(|b| (0..size).map(move |pixel| b * outputs * size + pixel)).collect();
		let (n, taps) = (columns.len(), taps.len());
		let mut by_tap = vec![0.0f32; outputs * n];
		multiply(&Product {
			m: outputs,
			n,
			k: steps.len(),
			a: &Gathered::new(g, &rows, &steps, true),
			b: &Gathered::new(&image, &columns, &pixels, false),
			bias: Bias::None,
			out: Output::rows(&mut by_tap, n),
		});
		let mut dweight = vec![0.0f32; outputs * n];
		for (target, source) in dweight.chunks_exact_mut(n).zip(by_tap.chunks_exact(n)) {
			for (c, kernel) in target.chunks_exact_mut(taps).enumerate() {
				for (tap, value) in kernel.iter_mut().enumerate() {
					*value = source[tap * inputs + c];
				}
			}
		}
		dweight
	}

	fn backward(&self, x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let sizes = self.sizes(x.dims(), weight.dims())?;
		let g = values(grad)?;
		let dx = x.track_op().then(|| tensor(self.input_gradient(&g, &values(weight)?, &sizes), x.shape()));
		let dweight = weight.track_op().then(|| tensor(self.weight_gradient(&values(x)?, &g, &sizes), weight.shape()));
		Ok((dx.transpose()?, dweight.transpose()?))
	}
}

impl CustomOp2 for Conv2d {
	fn name(&self) -> &'static str {
		"conv2d"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let sizes = self.sizes(l1.dims(), l2.dims())?;
		let weight = sizes.lanes(slice(s2, l2)?);
		Ok(self.forward(slice(s1, l1)?, &weight, Bias::None, Then::Nothing, &sizes))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		let sizes = self.sizes(l1.dims(), l2.dims())?;
		let y = crate::cuda::conv2d((s1, l1), (s2, l2), None, &sizes, self.stride, self.padding)?;
		Ok((y, Shape::from((sizes.batch, sizes.outputs, sizes.oh, sizes.ow))))
	}

	fn bwd(
		&self,
		x: &Tensor,
		weight: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		self.backward(x, weight, &grad.contiguous()?)
	}
}

impl CustomOp3 for Conv2d {
	fn name(&self) -> &'static str {
		"conv2d"
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
		let sizes = self.sizes(l1.dims(), l2.dims())?;
		let weight = sizes.lanes(slice(s2, l2)?);
		Ok(self.forward(slice(s1, l1)?, &weight, Bias::Row(slice(s3, l3)?), Then::Nothing, &sizes))
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
		let sizes = self.sizes(l1.dims(), l2.dims())?;
		let y = crate::cuda::conv2d((s1, l1), (s2, l2), Some((s3, l3)), &sizes, self.stride, self.padding)?;
		Ok((y, Shape::from((sizes.batch, sizes.outputs, sizes.oh, sizes.ow))))
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
		let (dx, dweight) = self.backward(x, weight, &grad)?;
		let plane: usize = grad.dims()[2..].iter().product();
		let dbias =
			bias.track_op().then(|| tensor(channel_sums(&values(&grad)?, bias.elem_count(), plane), bias.shape()));
		Ok((dx, dweight, dbias.transpose()?))
	}
}

/// Convolves `x` (b, ci, h, w) with `weight` (co, ci, kh, kw) and adds `bias` (co): (b, co, oh, ow), where oh = (h +
/// 2 · padding − kh) / stride + 1, rounded down, and ow alike. As everywhere in neural networks the kernel is not
/// flipped.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, the shapes do not fit, the stride is 0, or the kernel is larger than the
/// padded image.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
	let (x, weight) = (input("conv2d", "x", x)?, input("conv2d", "weight", weight)?);
	let op = Conv2d { stride, padding };
	op.sizes(x.dims(), weight.dims())?;
	match bias {
		None => x.apply_op2(&weight, op),
		Some(bias) => {
			let bias = input("conv2d", "bias", bias)?;
			expect_shape("conv2d", "bias", &bias, &weight.dims()[..1], &weight)?;
			x.apply_op3(&weight, &bias, op)
		}
	}
}
