//! The forward passes on an NVIDIA GPU: `kernels.cu`, compiled at run time for the device at hand.
//!
//! The kernels follow the same specification, so the bits are those of the CPU. Gradients are computed on the CPU only.

use std::sync::OnceLock;

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::cudarc::nvrtc::{compile_ptx_with_opts, CompileOptions};
use candle_core::cuda_backend::WrapErr;
use candle_core::{bail, CudaDevice, CudaStorage, Layout, Result};

use crate::fused::Activation;

/// An argument of a custom operation.
pub(crate) type Argument<'a> = (&'a CudaStorage, &'a Layout);

/// The source of the kernels.
const SOURCE: &str = include_str!("kernels.cu");

/// Under which name a device keeps the compiled kernels.
const MODULE: &str = "autonomy_kernels";

/// The compiled kernels. Contraction and flushing to zero would change bits, so both are off; division and square root
/// are the IEEE operations. `scripts/check-cuda` reads these options here and looks at what they do. The driver compiles the
/// PTX for its GPU and changes no rounding, since every operation in it names its own.
fn ptx() -> Result<&'static str> {
	static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
	let compiled = PTX.get_or_init(|| {
		let options = CompileOptions {
			ftz: Some(false),
			prec_sqrt: Some(true),
			prec_div: Some(true),
			fmad: Some(false),
			..Default::default()
		};
		compile_ptx_with_opts(SOURCE, options).map(|ptx| ptx.to_src()).map_err(|error| error.to_string())
	});
	match compiled {
		Ok(ptx) => Ok(ptx),
		Err(error) => bail!("cuda: the kernels do not compile: {error}"),
	}
}

/// Starts a kernel. Every argument is a reference to a number, a slice or a view.
macro_rules! launch {
	($device:expr, $name:literal, $config:expr, $($argument:expr),+ $(,)?) => {{
		let function = $device.get_or_load_custom_func($name, MODULE, ptx()?)?;
		let mut builder = function.builder();
		$(builder.arg($argument);)+
		// SAFETY: the arguments are those of the kernel in `kernels.cu`, in number, order and type, and the callers below
		// give it slices of the sizes that it reads and writes.
		unsafe { builder.launch($config) }.w()?;
	}};
}

/// The values of a contiguous f32 argument.
fn view((storage, layout): Argument<'_>) -> Result<CudaView<'_, f32>> {
	let Some((start, end)) = layout.contiguous_offsets() else {
		bail!("a kernel was given a tensor that is not contiguous: {layout:?}");
	};
	Ok(storage.as_cuda_slice::<f32>()?.slice(start..end))
}

fn count((_, layout): Argument<'_>) -> usize {
	layout.shape().elem_count()
}

/// Space for values that a kernel is about to write.
fn space(device: &CudaDevice, len: usize) -> Result<CudaSlice<f32>> {
	// SAFETY: every caller passes the slice to a kernel that writes all of it before anything reads it.
	unsafe { device.alloc::<f32>(len) }
}

fn stored(values: CudaSlice<f32>, device: &CudaDevice) -> CudaStorage {
	CudaStorage::wrap_cuda_slice(values, device.clone())
}

/// One thread per element.
fn elements(count: usize) -> LaunchConfig {
	const THREADS: u32 = 256;
	let blocks = count.div_ceil(THREADS as usize) as u32;
	LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 }
}

/// Sixteen threads, the lanes of a sum, per row: LANES and SUM_ROWS of `kernels.cu`.
fn sums(rows: usize) -> LaunchConfig {
	const ROWS: usize = 8;
	let blocks = rows.div_ceil(ROWS) as u32;
	LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (16, ROWS as u32, 1), shared_mem_bytes: 0 }
}

/// One block per tile of a product: TILE of `kernels.cu`.
fn tiles(m: usize, n: usize, batch: usize) -> Result<LaunchConfig> {
	const TILE: usize = 64;
	const MOST: usize = 65_535;
	let (rows, columns) = (m.div_ceil(TILE), n.div_ceil(TILE));
	if rows > MOST || batch > MOST {
		bail!("cuda: a product of {batch} matrices of {m} rows: at most {MOST} matrices of {} rows fit", MOST * TILE);
	}
	let grid_dim = (columns as u32, rows as u32, batch as u32);
	Ok(LaunchConfig { grid_dim, block_dim: (256, 1, 1), shared_mem_bytes: 0 })
}

/// The number of an elementwise function in `kernels.cu`.
fn number(name: &str) -> Result<i32> {
	const NAMES: [&str; 8] = ["exp", "tanh", "sigmoid", "silu", "gelu_tanh", "gelu_erf", "quick_gelu", "relu"];
	match NAMES.iter().position(|known| *known == name) {
		Some(number) => Ok(number as i32),
		None => bail!("cuda: there is no function {name}"),
	}
}

fn activation_number(activation: Activation) -> Result<i32> {
	number(match activation {
		Activation::Silu => "silu",
		Activation::GeluErf => "gelu_erf",
		Activation::GeluTanh => "gelu_tanh",
		Activation::QuickGelu => "quick_gelu",
		Activation::Relu => "relu",
	})
}

/// The elementwise function of that name.
pub(crate) fn unary(name: &str, x: Argument<'_>) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, which, values) = (count(x), number(name)?, view(x)?);
	let y = space(device, n)?;
	launch!(device, "unary", elements(n), &n, &which, &values, &y);
	Ok(stored(y, device))
}

/// x · activation(gate) for `rows` rows of `n` values, `parts` · n values apart in both arguments. With two parts both
/// arguments are the same tensor and the gates are the second half of every row.
pub(crate) fn gated(
	activation: Activation,
	x: Argument<'_>,
	gate: Argument<'_>,
	(rows, n, parts): (usize, usize, usize),
) -> Result<CudaStorage> {
	let device = x.0.device();
	let (total, stride, which) = (rows * n, parts * n, activation_number(activation)?);
	let (values, gates) = (view(x)?, view(gate)?);
	let gates = gates.slice((parts - 1) * n..);
	let y = space(device, total)?;
	launch!(device, "gated", elements(total), &total, &n, &stride, &which, &values, &gates, &y);
	Ok(stored(y, device))
}

/// Adds `bias[(i / inner) % length of bias]` to value i.
pub(crate) fn add_bias(x: Argument<'_>, bias: Argument<'_>, inner: usize) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, outer, values, biases) = (count(x), count(bias), view(x)?, view(bias)?);
	let y = space(device, n)?;
	launch!(device, "add_bias", elements(n), &n, &inner, &outer, &values, &biases, &y);
	Ok(stored(y, device))
}

/// fma(x, 1 + scale, shift) with one scale and shift per plane.
pub(crate) fn channel_affine(x: Argument<'_>, scale: Argument<'_>, shift: Argument<'_>) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, plane) = (count(x), count(x) / count(scale));
	let (values, scales, shifts) = (view(x)?, view(scale)?, view(shift)?);
	let y = space(device, n)?;
	launch!(device, "channel_affine", elements(n), &n, &plane, &values, &scales, &shifts, &y);
	Ok(stored(y, device))
}

/// Every pixel four times; `w` is the width of `x`.
pub(crate) fn upsample_nearest2x(x: Argument<'_>, w: usize) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, values) = (4 * count(x), view(x)?);
	let y = space(device, n)?;
	launch!(device, "upsample_nearest2x", elements(n), &n, &w, &values, &y);
	Ok(stored(y, device))
}

/// The rows of a table. The indices are checked on the CPU first.
pub(crate) fn embedding(ids: Argument<'_>, table: Argument<'_>) -> Result<CudaStorage> {
	let device = table.0.device();
	let (rows, d) = table.1.shape().dims2()?;
	let Some((start, end)) = ids.1.contiguous_offsets() else {
		bail!("embedding: the indices are not contiguous: {:?}", ids.1);
	};
	let indices = ids.0.as_cuda_slice::<u32>()?.slice(start..end);
	if let Some(id) = device.clone_dtoh(&indices)?.into_iter().find(|id| *id as usize >= rows) {
		bail!("embedding: index {id} is out of range, the table has {rows} rows");
	}
	let (n, values) = ((end - start) * d, view(table)?);
	let y = space(device, n)?;
	launch!(device, "embedding", elements(n), &n, &d, &indices, &values, &y);
	Ok(stored(y, device))
}

/// Rotates the pairs of every row; `length` and `half` are the sizes of the tables.
pub(crate) fn rope(x: Argument<'_>, cos: Argument<'_>, sin: Argument<'_>) -> Result<CudaStorage> {
	let device = x.0.device();
	let (length, half) = cos.1.shape().dims2()?;
	let (pairs, values, cosines, sines) = (count(x) / 2, view(x)?, view(cos)?, view(sin)?);
	let y = space(device, 2 * pairs)?;
	launch!(device, "rope", elements(pairs), &pairs, &half, &length, &values, &cosines, &sines, &y);
	Ok(stored(y, device))
}

/// The sum of all values divided by `divisor`.
pub(crate) fn sum_all(x: Argument<'_>, divisor: f32) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, values) = (count(x), view(x)?);
	let y = space(device, 1)?;
	launch!(device, "sum_all", sums(1), &n, &divisor, &values, &y);
	Ok(stored(y, device))
}

/// An operand of a batch of products: steps between matrices, between lanes, and along the inner index.
struct Operand<'a> {
	data: CudaView<'a, f32>,
	batch: usize,
	lane: usize,
	k: usize,
}

/// `batch` row-major products of m × k by k × n, one after the other, with a bias per column.
fn product(
	device: &CudaDevice,
	batch: usize,
	(m, n, k): (usize, usize, usize),
	a: &Operand<'_>,
	b: &Operand<'_>,
	bias: Option<&CudaView<'_, f32>>,
) -> Result<CudaSlice<f32>> {
	let size = m * n;
	let c = space(device, batch * size)?;
	// Without a bias the kernel does not read what it is given in its place.
	let (biased, biases) = (i32::from(bias.is_some()), bias.unwrap_or(&a.data));
	launch!(
		device,
		"matmul",
		tiles(m, n, batch)?,
		&m,
		&n,
		&k,
		&a.data,
		&a.batch,
		&a.lane,
		&a.k,
		&b.data,
		&b.batch,
		&b.lane,
		&b.k,
		&c,
		&size,
		&biased,
		biases,
	);
	Ok(c)
}

/// The products of `batch` row-major matrices.
pub(crate) fn matmul(
	a: Argument<'_>,
	b: Argument<'_>,
	batch: usize,
	(m, n, k): (usize, usize, usize),
) -> Result<CudaStorage> {
	let device = a.0.device();
	let left = Operand { data: view(a)?, batch: m * k, lane: k, k: 1 };
	let right = Operand { data: view(b)?, batch: k * n, lane: 1, k: n };
	Ok(stored(product(device, batch, (m, n, k), &left, &right, None)?, device))
}

/// x · weightᵀ + bias, then an activation.
pub(crate) fn linear(
	x: Argument<'_>,
	weight: Argument<'_>,
	bias: Option<Argument<'_>>,
	activation: Option<Activation>,
) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, k) = weight.1.shape().dims2()?;
	let m = count(x) / k;
	let left = Operand { data: view(x)?, batch: 0, lane: k, k: 1 };
	let right = Operand { data: view(weight)?, batch: 0, lane: k, k: 1 };
	let bias = bias.map(view).transpose()?;
	let y = product(device, 1, (m, n, k), &left, &right, bias.as_ref())?;
	let Some(activation) = activation else { return Ok(stored(y, device)) };
	let (total, which) = (m * n, activation_number(activation)?);
	let activated = space(device, total)?;
	launch!(device, "unary", elements(total), &total, &which, &y, &activated);
	Ok(stored(activated, device))
}

/// A convolution of `sizes`.
pub(crate) fn conv2d(
	x: Argument<'_>,
	weight: Argument<'_>,
	bias: Option<Argument<'_>>,
	sizes: &crate::conv::Sizes,
	stride: usize,
	padding: usize,
) -> Result<CudaStorage> {
	let device = x.0.device();
	let crate::conv::Sizes { batch, inputs, outputs, h, w, kh, kw, oh, ow } = *sizes;
	let (values, weights, bias) = (view(x)?, view(weight)?, bias.map(view).transpose()?);
	let (biased, biases) = (i32::from(bias.is_some()), bias.as_ref().unwrap_or(&values));
	let y = space(device, batch * outputs * oh * ow)?;
	launch!(
		device,
		"conv2d",
		tiles(outputs, batch * oh * ow, 1)?,
		&batch,
		&inputs,
		&outputs,
		&h,
		&w,
		&kh,
		&kw,
		&oh,
		&ow,
		&stride,
		&padding,
		&values,
		&weights,
		&y,
		&biased,
		biases,
	);
	Ok(stored(y, device))
}

/// Layer and group norm: statistics over groups of `group` values; the parameters of value i are those of (i / inner) %
/// number of parameters.
pub(crate) fn norm(
	x: Argument<'_>,
	weight: Argument<'_>,
	bias: Argument<'_>,
	(group, inner): (usize, usize),
	eps: f32,
	activation: Option<Activation>,
) -> Result<CudaStorage> {
	let device = x.0.device();
	let (n, outer) = (count(x), count(weight));
	let (rows, divisor) = (n / group, group as f32);
	let (values, weights, biases) = (view(x)?, view(weight)?, view(bias)?);
	let which = activation.map_or(Ok(-1), activation_number)?;
	let (means, inverses, y) = (space(device, rows)?, space(device, rows)?, space(device, n)?);
	launch!(device, "moments", sums(rows), &rows, &group, &divisor, &eps, &values, &means, &inverses);
	launch!(
		device,
		"normalise",
		elements(n),
		&n,
		&group,
		&inner,
		&outer,
		&which,
		&values,
		&means,
		&inverses,
		&weights,
		&biases,
		&y,
	);
	Ok(stored(y, device))
}

/// Root-mean-square norm of rows.
pub(crate) fn rms_norm(x: Argument<'_>, weight: Argument<'_>, eps: f32) -> Result<CudaStorage> {
	let device = x.0.device();
	let (total, n) = (count(x), count(weight));
	let (rows, divisor) = (total / n, n as f32);
	let (values, weights) = (view(x)?, view(weight)?);
	let (inverses, y) = (space(device, rows)?, space(device, total)?);
	launch!(device, "root_mean_squares", sums(rows), &rows, &n, &divisor, &eps, &values, &inverses);
	launch!(device, "rms_scale", elements(total), &total, &n, &values, &inverses, &weights, &y);
	Ok(stored(y, device))
}

/// The softmax of rows of `n` values.
pub(crate) fn softmax(x: Argument<'_>, n: usize) -> Result<CudaStorage> {
	let device = x.0.device();
	let (total, values) = (count(x), view(x)?);
	let rows = total / n;
	let (weights, inverses, y) = (space(device, total)?, space(device, rows)?, space(device, total)?);
	let (first, unmasked) = (0usize, -1i64);
	launch!(
		device,
		"exponentiate",
		sums(rows),
		&rows,
		&rows,
		&n,
		&first,
		&rows,
		&unmasked,
		&values,
		&weights,
		&inverses,
	);
	// Adding −0 changes nothing.
	let nothing = -0.0f32;
	launch!(device, "scale_rows", elements(total), &total, &n, &nothing, &weights, &inverses, &y);
	Ok(stored(y, device))
}

/// The sizes of an attention: `units` key heads of all images, each with `rows` query rows, `lq` per query head.
#[derive(Clone, Copy)]
pub(crate) struct AttentionSizes {
	pub(crate) units: usize,
	pub(crate) rows: usize,
	pub(crate) lq: usize,
	pub(crate) lk: usize,
	pub(crate) d: usize,
	pub(crate) dv: usize,
}

/// Attention, as many query rows of every unit at a time as keep the matrix of scores below 128 MiB.
pub(crate) fn attention(
	q: Argument<'_>,
	key: Argument<'_>,
	value: Argument<'_>,
	sizes: AttentionSizes,
	scale: f32,
	causal: Option<usize>,
) -> Result<CudaStorage> {
	const SCORES: usize = 1 << 25;
	let device = q.0.device();
	let AttentionSizes { units, rows, lq, lk, d, dv } = sizes;
	let (queries, keys, values) = (view(q)?, view(key)?, view(value)?);
	let total = units * rows * d;
	let scaled = space(device, total)?;
	launch!(device, "scale", elements(total), &total, &scale, &queries, &scaled);
	let out = space(device, units * rows * dv)?;
	let position = causal.map_or(-1, |position| position as i64);
	let step = (SCORES / (units * lk)).clamp(1, rows);
	let keys = Operand { data: keys, batch: lk * d, lane: d, k: 1 };
	let values = Operand { data: values, batch: lk * dv, lane: 1, k: dv };
	for first in (0..rows).step_by(step) {
		let part = step.min(rows - first);
		let count = units * part;
		let left = Operand { data: scaled.slice(first * d..), batch: rows * d, lane: d, k: 1 };
		let scores = product(device, units, (part, lk, d), &left, &keys, None)?;
		let inverses = space(device, count)?;
		launch!(
			device,
			"exponentiate",
			sums(count),
			&count,
			&part,
			&lk,
			&first,
			&lq,
			&position,
			&scores,
			&scores,
			&inverses,
		);
		let left = Operand { data: scores.slice(..), batch: part * lk, lane: lk, k: 1 };
		let summed = product(device, units, (part, dv, lk), &left, &values, None)?;
		let (size, zero, block) = (count * dv, 0.0f32, part * dv);
		let normalised = space(device, size)?;
		launch!(device, "scale_rows", elements(size), &size, &dv, &zero, &summed, &inverses, &normalised);
		let (target, stride) = (out.slice(first * dv..), rows * dv);
		launch!(device, "copy_blocks", elements(size), &size, &block, &block, &stride, &normalised, &target);
	}
	Ok(stored(out, device))
}
