//! One digest per operation: what machines compare to know that they compute the same bits.
//!
//! The cases cover every operation and its gradients, inner dimensions beyond one block, single rows, ragged edges
//! and all the random number generators. They take about a second natively and run under emulators too.

use candle_core::{bail, DType, Device, Result, Tensor, Var};
use sha2::{Digest, Sha256};

use crate::fused::Activation;
use crate::packed::{PackedConv2d, PackedLinear};
use crate::rng::Noise;

/// The digests of one set of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
	/// Name and first 16 hexadecimal digits of the SHA-256 of each case's values, as little-endian f32.
	pub lines: Vec<(String, String)>,
}

impl Report {
	/// One digest over all lines.
	pub fn combined(&self) -> String {
		let mut hash = Sha256::new();
		for (name, digest) in &self.lines {
			hash.update(name);
			hash.update(" ");
			hash.update(digest);
			hash.update("\n");
		}
		hex(&hash.finalize())
	}

	fn add(&mut self, name: &str, parts: &[&[f32]]) {
		let mut hash = Sha256::new();
		for value in parts.iter().flat_map(|part| part.iter()) {
			hash.update(value.to_bits().to_le_bytes());
		}
		self.lines.push((name.to_owned(), hex(&hash.finalize()[..8])));
	}
}

/// A report in the making.
struct Cases {
	report: Report,
	/// `None` for forward and backward passes on the CPU, else where the forward passes run, without gradients.
	device: Option<Device>,
}

impl Cases {
	fn on(device: Option<Device>) -> Self {
		crate::init();
		Self { report: Report { lines: Vec::new() }, device }
	}

	/// Runs an operation forward, and backward from a gradient of noise, and adds a line for each.
	fn case(&mut self, name: &str, arguments: &[Tensor], op: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<()> {
		if let Some(device) = &self.device {
			let tensors = arguments.iter().map(|argument| argument.to_device(device)).collect::<Result<Vec<_>>>()?;
			self.report.add(name, &[&flat(&op(&tensors)?)?]);
			return Ok(());
		}
		let vars = arguments.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
		let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
		let output = op(&tensors)?;
		self.report.add(name, &[&flat(&output)?]);
		let direction = noise(1000 + self.report.lines.len() as u32, output.dims())?;
		let gradients = crate::sum_all(&(output * direction)?)?.backward()?;
		let found =
			tensors.iter().map(|t| gradients.get(t).map(flat).unwrap_or(Ok(Vec::new()))).collect::<Result<Vec<_>>>()?;
		self.report.add(&format!("{name} backward"), &found.iter().map(Vec::as_slice).collect::<Vec<_>>());
		Ok(())
	}
}

fn hex(bytes: &[u8]) -> String {
	bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
	tensor.flatten_all()?.to_vec1()
}

fn noise(stream: u32, shape: &[usize]) -> Result<Tensor> {
	Noise::new([42; 32]).normal_tensor(stream, shape)
}

/// Computes all cases on the current rayon pool. Packed and fused forms, which have no digests of their own, are compared
/// with the operations that they stand for.
///
/// # Errors
///
/// An operation failed or a form has other bits than its operation, which is a defect of this crate.
pub fn report() -> Result<Report> {
	let mut cases = Cases::on(None);
	random_numbers(&mut cases.report);
	operations(&mut cases)?;
	losses(&mut cases)?;
	forms()?;
	Ok(cases.report)
}

/// Computes the forward passes that a GPU has, without gradients, on a device. The lines are those of [`report`].
///
/// # Errors
///
/// An operation failed, which is a defect of this crate or the device's trouble.
pub fn forward_report(device: &Device) -> Result<Report> {
	let mut cases = Cases::on(Some(device.clone()));
	operations(&mut cases)?;
	Ok(cases.report)
}

fn operations(cases: &mut Cases) -> Result<()> {
	products(cases)?;
	convolutions(cases)?;
	attentions(cases)?;
	norms(cases)?;
	elementwise(cases)
}

fn random_numbers(report: &mut Report) {
	let source = Noise::new([7; 32]);
	let words: Vec<f32> = source.bits(1, 3, 1001).into_iter().map(f32::from_bits).collect();
	report.add("noise bits", &[&words]);
	report.add("noise uniform", &[&source.uniform(2, 5, 1001)]);
	report.add("noise normal", &[&source.normal(3, 7, 5001)]);
	let angles: Vec<f32> = (0..2000).map(|i| (i as f32 - 1000.0) * 0.37).collect();
	let table = |function: fn(f32) -> f32| angles.iter().map(|x| function(*x)).collect::<Vec<f32>>();
	report.add("libm sin cos", &[&table(crate::math::sin), &table(crate::math::cos)]);
	report.add(
		"libm ln pow",
		&[&table(|x| crate::math::ln(x.abs() + 0.1)), &table(|x| crate::math::pow(10_000.0, x / 400.0))],
	);
}

fn products(cases: &mut Cases) -> Result<()> {
	for (m, k, n) in [
		(1, 1, 1),
		(1, 1300, 70),
		(2, 513, 33),
		(5, 64, 40),
		(13, 600, 50),
		(33, 77, 65),
		(130, 30, 20),
		(132, 64, 160),
	] {
		cases.case(&format!("matmul {m}x{k}x{n}"), &[noise(1, &[m, k])?, noise(2, &[k, n])?], |t| {
			crate::matmul(&t[0], &t[1])
		})?;
	}
	cases.case("matmul batch 6", &[noise(3, &[2, 3, 7, 9])?, noise(4, &[2, 3, 9, 11])?], |t| {
		crate::matmul(&t[0], &t[1])
	})?;
	for (m, k, n) in [(1, 1200, 100), (3, 70, 33), (40, 96, 64)] {
		let arguments = [noise(5, &[m, k])?, noise(6, &[n, k])?, noise(7, &[n])?];
		cases.case(&format!("linear {m}x{k}x{n}"), &arguments, |t| crate::linear(&t[0], &t[1], Some(&t[2])))?;
	}
	Ok(())
}

fn convolutions(cases: &mut Cases) -> Result<()> {
	for (b, ci, co, size, kernel, stride, padding) in [
		(2, 3, 16, 9, 3, 1, 1),
		(1, 70, 20, 8, 3, 1, 1),
		(3, 20, 13, 7, 3, 2, 1),
		(2, 33, 40, 6, 1, 1, 0),
		(2, 5, 6, 8, 4, 2, 1),
		(4, 16, 16, 16, 3, 1, 1),
	] {
		let arguments =
			[noise(10, &[b, ci, size, size + 1])?, noise(11, &[co, ci, kernel, kernel])?, noise(12, &[co])?];
		let name = format!("conv {b}x{ci}->{co} {size} kernel {kernel} stride {stride}");
		cases.case(&name, &arguments, |t| crate::conv2d(&t[0], &t[1], Some(&t[2]), stride, padding))?;
	}
	Ok(())
}

fn attentions(cases: &mut Cases) -> Result<()> {
	for (heads, key_heads, lq, lk, d, causal) in [
		(2, 2, 100, 100, 16, None),
		(4, 2, 17, 17, 8, Some(0)),
		(2, 1, 1, 700, 16, Some(699)),
		(1, 1, 20, 77, 40, None),
	] {
		let arguments =
			[noise(20, &[1, heads, lq, d])?, noise(21, &[1, key_heads, lk, d])?, noise(22, &[1, key_heads, lk, d])?];
		let name = format!("attention {heads}/{key_heads} {lq}x{lk}x{d} causal {causal:?}");
		cases.case(&name, &arguments, |t| crate::attention(&t[0], &t[1], &t[2], 0.25, causal))?;
	}
	let (cos, sin) = (noise(23, &[9, 8])?, noise(24, &[9, 8])?);
	cases.case("rope", &[noise(25, &[1, 3, 9, 16])?], |t| {
		let device = t[0].device();
		crate::rope(&t[0], &cos.to_device(device)?, &sin.to_device(device)?)
	})
}

fn norms(cases: &mut Cases) -> Result<()> {
	let arguments = [noise(30, &[2, 12, 7, 5])?, noise(31, &[12])?, noise(32, &[12])?];
	cases.case("group_norm", &arguments, |t| crate::group_norm(&t[0], &t[1], &t[2], 4, 1e-5))?;
	let arguments = [noise(60, &[2, 32, 24, 24])?, noise(61, &[32])?, noise(62, &[32])?];
	cases.case("group_norm large", &arguments, |t| crate::group_norm(&t[0], &t[1], &t[2], 8, 1e-5))?;
	let arguments = [noise(33, &[37, 83])?, noise(34, &[83])?, noise(35, &[83])?];
	cases.case("layer_norm", &arguments, |t| crate::layer_norm(&t[0], &t[1], &t[2], 1e-5))?;
	cases.case("rms_norm", &arguments[..2], |t| crate::rms_norm(&t[0], &t[1], 1e-6))?;
	cases.case("softmax", &[noise(36, &[9, 133])?], |t| crate::softmax(&t[0]))?;
	cases.case("sum_all", &[noise(37, &[4097])?], |t| crate::sum_all(&t[0]))?;
	cases.case("mean_all", &[noise(38, &[33, 77])?], |t| crate::mean_all(&t[0]))
}

/// A ramp that reaches into overflow-free extremes, with noise around zero.
fn wide(count: usize) -> Result<Tensor> {
	let ramp: Vec<f32> = (0..count).map(|i| (i as f32 - count as f32 / 2.0) * (160.0 / count as f32)).collect();
	Tensor::cat(&[Tensor::from_vec(ramp, count, &Device::Cpu)?, noise(40, &[count])?], 0)
}

fn elementwise(cases: &mut Cases) -> Result<()> {
	type Activation = fn(&Tensor) -> Result<Tensor>;
	let activations: [(&str, Activation); 8] = [
		("exp", crate::exp),
		("tanh", crate::tanh),
		("sigmoid", crate::sigmoid),
		("silu", crate::silu),
		("gelu_tanh", crate::gelu_tanh),
		("gelu_erf", crate::gelu_erf),
		("quick_gelu", crate::quick_gelu),
		("relu", crate::relu),
	];
	for (name, op) in activations {
		cases.case(name, &[wide(10_001)?], |t| op(&t[0]))?;
	}
	cases.case("add_bias", &[noise(41, &[37, 19])?, noise(42, &[19])?], |t| crate::add_bias(&t[0], &t[1]))?;
	cases.case("add_bias large", &[noise(63, &[1100, 66])?, noise(64, &[66])?], |t| crate::add_bias(&t[0], &t[1]))?;
	cases.case("add_channel_bias", &[noise(43, &[3, 5, 6, 7])?, noise(44, &[5])?], |t| {
		crate::add_channel_bias(&t[0], &t[1])
	})?;
	let arguments = [noise(45, &[2, 5, 6, 7])?, noise(46, &[2, 5])?, noise(47, &[2, 5])?];
	cases.case("channel_affine", &arguments, |t| crate::channel_affine(&t[0], &t[1], &t[2]))?;
	cases.case("upsample_nearest2x", &[noise(48, &[2, 3, 5, 7])?], |t| crate::upsample_nearest2x(&t[0]))?;
	let ids = Tensor::from_vec((0..40u32).map(|i| i * i % 13).collect(), (4, 10), &Device::Cpu)?;
	cases.case("embedding", &[noise(49, &[13, 9])?], |t| crate::embedding(&ids.to_device(t[0].device())?, &t[0]))
}

fn losses(cases: &mut Cases) -> Result<()> {
	let arguments = [noise(50, &[5, 33])?, noise(51, &[5, 33])?, noise(52, &[5])?];
	cases.case("mse_loss", &arguments[..2], |t| crate::mse_loss(&t[0], &t[1], None))?;
	cases.case("mse_loss weighted", &arguments, |t| crate::mse_loss(&t[0], &t[1], Some(&t[2])))?;
	let targets = Tensor::from_vec((0..17u32).collect(), 17, &Device::Cpu)?;
	cases.case("cross_entropy", &[noise(53, &[17, 29])?], |t| crate::cross_entropy(&t[0], &targets, Some(3)))
}

fn same_bits(name: &str, found: &Tensor, expected: &Tensor) -> Result<()> {
	let (values, wanted) = (flat(found)?, flat(expected)?);
	let same = values.iter().zip(&wanted).all(|(found, wanted)| found.to_bits() == wanted.to_bits());
	if found.dims() != expected.dims() || !same {
		bail!("{name}: other bits than the plain operation's");
	}
	Ok(())
}

/// Layers with packed weights, in two bytes and in four, and operations that end with another one.
fn forms() -> Result<()> {
	for stored in [DType::F32, DType::BF16, DType::F16] {
		let weights = |stream, shape: &[usize]| noise(stream, shape)?.to_dtype(stored)?.to_dtype(DType::F32);
		for (m, k, n) in [(1, 1200, 100), (2, 513, 33), (3, 70, 33), (4, 64, 64), (7, 530, 50)] {
			let name = format!("packed linear {m}x{k}x{n} of {stored:?}");
			let (x, w, b, y) = (noise(5, &[m, k])?, weights(6, &[n, k])?, noise(7, &[n])?, noise(8, &[m, n])?);
			let (layer, plain) = (PackedLinear::new(&w, Some(&b))?, crate::linear(&x, &w, Some(&b))?);
			let gelu = crate::gelu_erf(&plain)?;
			same_bits(&name, &layer.forward(&x)?, &plain)?;
			same_bits(&name, &layer.forward_activated(&x, Activation::GeluErf)?, &gelu)?;
			same_bits(&name, &crate::linear_activated(&x, &w, Some(&b), Activation::GeluErf)?, &gelu)?;
			same_bits(&name, &layer.forward_add(&x, &y)?, &(plain + &y)?)?;
			same_bits(&name, &layer.weight()?, &w)?;
			let ids = Tensor::from_vec(vec![n as u32 - 1, 0, n as u32 / 2], 3, &Device::Cpu)?;
			same_bits(&name, &layer.rows(&ids)?, &crate::embedding(&ids, &w)?)?;
		}
		for (ci, co, size, kernel, stride) in [(60, 5, 8, 3, 1), (20, 13, 7, 3, 2), (33, 40, 6, 1, 1)] {
			let padding = kernel / 2;
			let name = format!("packed conv {ci}->{co} {size} kernel {kernel} stride {stride} of {stored:?}");
			let (x, w) = (noise(10, &[2, ci, size, size + 1])?, weights(11, &[co, ci, kernel, kernel])?);
			let b = noise(12, &[co])?;
			let layer = PackedConv2d::new(&w, Some(&b), stride, padding)?;
			let plain = crate::conv2d(&x, &w, Some(&b), stride, padding)?;
			let y = noise(13, plain.dims())?;
			same_bits(&name, &layer.forward(&x)?, &plain)?;
			same_bits(&name, &layer.forward_add(&x, &y)?, &(plain + &y)?)?;
		}
	}
	let (x, w, b) = (noise(60, &[2, 32, 9, 8])?, noise(61, &[32])?, noise(62, &[32])?);
	let norm = crate::silu(&crate::group_norm(&x, &w, &b, 8, 1e-5)?)?;
	let fused = crate::group_norm_activated(&x, &w, &b, 8, 1e-5, Activation::Silu)?;
	same_bits("group_norm and silu", &fused, &norm)?;
	let (both, half) = (noise(14, &[13, 50])?, 25);
	let (value, gate) = (both.narrow(1, 0, half)?, both.narrow(1, half, half)?);
	let gated = (&value * crate::silu(&gate)?)?;
	same_bits("gated_halves", &crate::gated_halves(&both, Activation::Silu)?, &gated)?;
	same_bits("gated", &crate::gated(&value, &gate, Activation::Silu)?, &gated)
}
