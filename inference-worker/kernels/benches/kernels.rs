//! Speed of the kernels at the shapes of real models, each beside Candle's own in the same run.
//!
//! `RAYON_NUM_THREADS=1 cargo bench -p autonomy-kernels` measures one thread of both; the groups are named after the
//! model whose shapes they have.

// criterion_group! makes a public function without a comment.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use autonomy_kernels as kernels;
use autonomy_kernels::rng::Noise;
use candle_core::{DType, Result, Tensor, Var};
use candle_nn::ops::softmax_last_dim;
use criterion::{criterion_group, criterion_main, Criterion, Throughput};

fn noise(stream: u32, shape: &[usize]) -> Tensor {
	Noise::new([1; 32]).normal_tensor(stream, shape).expect("enough memory")
}

/// Measures a fused or packed form beside the plain operations that it stands for.
fn forms(
	c: &mut Criterion,
	name: &str,
	work: usize,
	fused: impl Fn() -> Result<Tensor>,
	plain: impl Fn() -> Result<Tensor>,
	candle: impl Fn() -> Result<Tensor>,
) {
	let mut group = c.benchmark_group(name);
	group.throughput(Throughput::Elements(work as u64)).sample_size(10).warm_up_time(Duration::from_millis(200));
	group.measurement_time(Duration::from_secs(1));
	group.bench_function("autonomy fused", |b| b.iter(|| black_box(fused().expect("shapes fit"))));
	group.bench_function("autonomy", |b| b.iter(|| black_box(plain().expect("shapes fit"))));
	group.bench_function("candle", |b| b.iter(|| black_box(candle().expect("shapes fit"))));
	group.finish();
}

/// Measures our kernel and Candle's side by side. `work` is the number of multiply-adds, or of elements.
fn pair(
	c: &mut Criterion,
	name: &str,
	work: usize,
	ours: impl Fn() -> Result<Tensor>,
	candle: impl Fn() -> Result<Tensor>,
) {
	let mut group = c.benchmark_group(name);
	group.throughput(Throughput::Elements(work as u64)).sample_size(10).warm_up_time(Duration::from_millis(200));
	group.measurement_time(Duration::from_secs(1));
	group.bench_function("autonomy", |b| b.iter(|| black_box(ours().expect("shapes fit"))));
	group.bench_function("candle", |b| b.iter(|| black_box(candle().expect("shapes fit"))));
	group.finish();
}

fn linear(c: &mut Criterion) {
	for (model, m, k, n) in [
		("stable diffusion 1.5", 4096, 320, 320),
		("stable diffusion 1.5", 4096, 320, 2560),
		("stable diffusion 1.5", 256, 1280, 1280),
		("stable diffusion 1.5", 77, 768, 768),
		("llama 1B prefill", 512, 2048, 2048),
	] {
		let (x, w) = (noise(0, &[m, k]), noise(1, &[n, k]));
		let transposed = w.t().expect("a matrix");
		let name = format!("{model}: linear {m}x{k}x{n}");
		pair(c, &name, m * k * n, || kernels::linear(&x, &w, None), || x.matmul(&transposed));
	}
}

/// Weights packed once, as an engine keeps them.
fn packed(c: &mut Criterion) {
	for (model, m, k, n) in [
		("stable diffusion 1.5", 4096, 320, 320),
		("stable diffusion 1.5", 4096, 320, 2560),
		("stable diffusion 1.5", 1024, 640, 640),
		("stable diffusion 1.5", 256, 1280, 1280),
		("stable diffusion 1.5", 64, 1280, 10240),
		("stable diffusion 1.5", 77, 768, 320),
		("llama 1B prefill", 512, 2048, 2048),
		("llama 1B prefill", 512, 2048, 8192),
		("llama 1B decode", 1, 2048, 2048),
		("llama 1B decode", 1, 2048, 8192),
		("llama 1B decode", 1, 8192, 2048),
	] {
		let (x, w) = (noise(0, &[m, k]), noise(1, &[n, k]));
		let layer = kernels::PackedLinear::new(&w, None).expect("a matrix");
		let transposed = w.t().expect("a matrix");
		let name = format!("{model}: packed linear {m}x{k}x{n}");
		forms(c, &name, m * k * n, || layer.forward(&x), || kernels::linear(&x, &w, None), || x.matmul(&transposed));
	}
	// As most language models are published.
	for (m, k, n) in [(1, 2048, 2048), (1, 2048, 8192), (1, 8192, 2048), (512, 2048, 8192)] {
		let (x, w) = (noise(0, &[m, k]), noise(1, &[n, k]));
		let w = w.to_dtype(DType::BF16).and_then(|w| w.to_dtype(DType::F32)).expect("a matrix");
		let layer = kernels::PackedLinear::new(&w, None).expect("a matrix");
		let transposed = w.t().expect("a matrix");
		let name = format!("llama 1B: packed linear of bf16 weights {m}x{k}x{n}");
		forms(c, &name, m * k * n, || layer.forward(&x), || kernels::linear(&x, &w, None), || x.matmul(&transposed));
	}
	for (ci, co, size, kernel, stride) in [
		(320, 320, 64, 3, 1),
		(640, 640, 32, 3, 1),
		(1280, 1280, 16, 3, 1),
		(1280, 1280, 8, 3, 1),
		(2560, 1280, 8, 3, 1),
		(320, 320, 64, 3, 2),
		(1280, 1280, 16, 1, 1),
	] {
		let (x, w) = (noise(0, &[1, ci, size, size]), noise(1, &[co, ci, kernel, kernel]));
		let padding = kernel / 2;
		let layer = kernels::PackedConv2d::new(&w, None, stride, padding).expect("a kernel");
		forms(
			c,
			&format!("stable diffusion 1.5: packed conv {ci}->{co} {size} kernel {kernel} stride {stride}"),
			ci * co * kernel * kernel * (size / stride) * (size / stride),
			|| layer.forward(&x),
			|| kernels::conv2d(&x, &w, None, stride, padding),
			|| x.conv2d(&w, padding, stride, 1, 1),
		);
	}
}

fn fused(c: &mut Criterion) {
	let (x, w, b) = (noise(0, &[77, 768]), noise(1, &[3072, 768]), noise(2, &[3072]));
	let layer = kernels::PackedLinear::new(&w, Some(&b)).expect("a matrix");
	let transposed = w.t().expect("a matrix");
	forms(
		c,
		"clip: linear and gelu 77x768x3072",
		77 * 768 * 3072,
		|| layer.forward_activated(&x, kernels::Activation::GeluErf),
		|| kernels::gelu_erf(&kernels::linear(&x, &w, Some(&b))?),
		|| x.matmul(&transposed)?.broadcast_add(&b)?.gelu_erf(),
	);
	let x = noise(3, &[4096, 2560]);
	forms(
		c,
		"stable diffusion 1.5: gated gelu 4096x1280",
		4096 * 1280,
		|| kernels::gated_halves(&x, kernels::Activation::GeluErf),
		|| x.narrow(1, 0, 1280)? * kernels::gelu_erf(&x.narrow(1, 1280, 1280)?)?,
		|| x.narrow(1, 0, 1280)? * x.narrow(1, 1280, 1280)?.gelu_erf()?,
	);
	let (x, w, b) = (noise(4, &[1, 320, 64, 64]), noise(5, &[320]), noise(6, &[320]));
	let norm = candle_nn::GroupNorm::new(w.clone(), b.clone(), 320, 32, 1e-5).expect("32 divides 320");
	forms(
		c,
		"stable diffusion 1.5: group_norm and silu 320x64x64",
		x.elem_count(),
		|| kernels::group_norm_activated(&x, &w, &b, 32, 1e-5, kernels::Activation::Silu),
		|| kernels::silu(&kernels::group_norm(&x, &w, &b, 32, 1e-5)?),
		|| candle_core::Module::forward(&norm, &x)?.silu(),
	);
}

fn convolution(c: &mut Criterion) {
	for (model, b, ci, co, size, kernel, stride) in [
		("stable diffusion 1.5", 1, 320, 320, 64, 3, 1),
		("stable diffusion 1.5", 1, 640, 640, 32, 3, 1),
		("stable diffusion 1.5", 1, 1280, 1280, 16, 3, 1),
		("stable diffusion 1.5", 1, 4, 320, 64, 3, 1),
		("stable diffusion 1.5", 1, 320, 320, 64, 3, 2),
		("stable diffusion 1.5", 1, 960, 640, 32, 1, 1),
		("demo", 32, 64, 64, 16, 3, 1),
		("demo", 32, 128, 128, 8, 3, 1),
	] {
		let (x, w) = (noise(0, &[b, ci, size, size]), noise(1, &[co, ci, kernel, kernel]));
		let work = b * ci * co * kernel * kernel * (size / stride) * (size / stride);
		let name = format!("{model}: conv {b}x{ci}->{co} {size} kernel {kernel} stride {stride}");
		let padding = kernel / 2;
		pair(c, &name, work, || kernels::conv2d(&x, &w, None, stride, padding), || x.conv2d(&w, padding, stride, 1, 1));
	}
	let (x, w) = (noise(0, &[32, 64, 16, 16]), noise(1, &[64, 64, 3, 3]));
	let vars = [Var::from_tensor(&x).expect("f32"), Var::from_tensor(&w).expect("f32")];
	let step =
		|y: Tensor| -> Result<Tensor> { Ok(y.backward()?.get(vars[1].as_tensor()).expect("a gradient").clone()) };
	pair(
		c,
		"demo: conv 32x64->64 16 kernel 3, forward and backward",
		3 * 32 * 64 * 64 * 9 * 256,
		|| step(kernels::conv2d(vars[0].as_tensor(), vars[1].as_tensor(), None, 1, 1)?),
		|| step(vars[0].as_tensor().conv2d(vars[1].as_tensor(), 1, 1, 1, 1)?),
	);
}

fn attention(c: &mut Criterion) {
	for (model, heads, lq, lk, d) in [
		("stable diffusion 1.5", 8, 4096, 4096, 40),
		("stable diffusion 1.5", 8, 4096, 77, 40),
		("stable diffusion 1.5", 8, 1024, 1024, 80),
		("llama 1B decode", 32, 1, 1024, 64),
	] {
		let (q, k, v) = (noise(0, &[1, heads, lq, d]), noise(1, &[1, heads, lk, d]), noise(2, &[1, heads, lk, d]));
		let scale = 1.0 / (d as f64).sqrt();
		pair(
			c,
			&format!("{model}: attention {heads}x{lq}x{lk}x{d}"),
			2 * heads * lq * lk * d,
			|| kernels::attention(&q, &k, &v, scale as f32, None),
			|| softmax_last_dim(&(q.matmul(&k.t()?)? * scale)?)?.matmul(&v),
		);
	}
}

fn elementwise(c: &mut Criterion) {
	let x = noise(0, &[4096, 1280]);
	let count = x.elem_count();
	pair(c, "exp 4096x1280", count, || kernels::exp(&x), || x.exp());
	pair(c, "tanh 4096x1280", count, || kernels::tanh(&x), || x.tanh());
	pair(c, "silu 4096x1280", count, || kernels::silu(&x), || x.silu());
	pair(c, "gelu (erf) 4096x1280", count, || kernels::gelu_erf(&x), || x.gelu_erf());
	pair(c, "gelu (tanh) 4096x1280", count, || kernels::gelu_tanh(&x), || x.gelu());
	pair(c, "softmax 4096x1280", count, || kernels::softmax(&x), || softmax_last_dim(&x));
}

fn norms(c: &mut Criterion) {
	let (w, b) = (noise(1, &[320]), noise(2, &[320]));
	let images = noise(0, &[1, 320, 64, 64]);
	let group = candle_nn::GroupNorm::new(w.clone(), b.clone(), 320, 32, 1e-5).expect("32 divides 320");
	pair(
		c,
		"group_norm 320x64x64",
		images.elem_count(),
		|| kernels::group_norm(&images, &w, &b, 32, 1e-5),
		|| candle_core::Module::forward(&group, &images),
	);
	let rows = noise(0, &[4096, 320]);
	pair(
		c,
		"layer_norm 4096x320",
		rows.elem_count(),
		|| kernels::layer_norm(&rows, &w, &b, 1e-5),
		|| candle_nn::ops::layer_norm(&rows, &w, &b, 1e-5),
	);
	pair(
		c,
		"rms_norm 4096x320",
		rows.elem_count(),
		|| kernels::rms_norm(&rows, &w, 1e-5),
		|| candle_nn::ops::rms_norm(&rows, &w, 1e-5),
	);
}

fn all(c: &mut Criterion) {
	kernels::init();
	linear(c);
	packed(c);
	fused(c);
	convolution(c);
	attention(c);
	elementwise(c);
	norms(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
