//! What the tests of several files share.
#![allow(dead_code)]

use autonomy_kernels::rng::Noise;
use candle_core::{DType, Device, Result, Tensor, Var};

/// A seed of its own for every name.
fn seed(name: &str) -> [u8; 32] {
	let mut seed = [0u8; 32];
	for (i, byte) in name.bytes().enumerate() {
		seed[i % 32] = seed[i % 32].wrapping_mul(31).wrapping_add(byte);
	}
	seed
}

/// Normal values of a given shape, a function of the name.
pub fn noise(name: &str, shape: &[usize]) -> Tensor {
	autonomy_kernels::init();
	Noise::new(seed(name)).normal_tensor(0, shape).expect("a shape of the test")
}

/// The values of a tensor in row-major order.
pub fn flat(tensor: &Tensor) -> Vec<f32> {
	tensor.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("an f32 tensor")
}

/// The bits of a tensor in row-major order.
pub fn bits(tensor: &Tensor) -> Vec<u32> {
	flat(tensor).into_iter().map(f32::to_bits).collect()
}

/// Largest absolute difference of two tensors of the same shape.
pub fn distance(a: &Tensor, b: &Tensor) -> f32 {
	assert_eq!(a.dims(), b.dims());
	flat(a).iter().zip(flat(b)).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d > worst { d } else { worst })
}

/// A trainable copy.
pub fn var(tensor: &Tensor) -> Var {
	Var::from_tensor(tensor).expect("an f32 tensor")
}

/// Indices.
pub fn ids(values: &[u32], shape: &[usize]) -> Tensor {
	Tensor::from_slice(values, shape, &Device::Cpu).expect("as many ids as the shape holds")
}

/// Compares the gradients of `function` with central differences, for every argument.
///
/// The loss is the inner product with fixed noise, added up in f64, so that the differences are not lost in rounding.
pub fn check_gradients(name: &str, arguments: &[Tensor], function: impl Fn(&[Tensor]) -> Result<Tensor>) {
	let vars: Vec<Var> = arguments.iter().map(var).collect();
	let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
	let output = function(&tensors).expect(name);
	let direction = noise(&format!("{name} direction"), output.dims());
	// An own gradient for the output: the sum of output · direction, whose slope is the direction.
	let loss = autonomy_kernels::sum_all(&(&output * &direction).expect(name)).expect(name);
	let gradients = loss.backward().expect(name);
	let weights = flat(&direction);
	let value = |tensors: &[Tensor]| -> f64 {
		let output = function(tensors).expect(name);
		flat(&output).iter().zip(&weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
	};
	for (index, argument) in arguments.iter().enumerate() {
		let gradient = gradients.get(&tensors[index]).unwrap_or_else(|| panic!("{name}: no gradient for {index}"));
		assert_eq!(gradient.dims(), argument.dims(), "{name}: shape of the gradient of {index}");
		assert_eq!(gradient.dtype(), DType::F32);
		let (gradient, start) = (flat(gradient), flat(argument));
		let scale = gradient.iter().map(|g| g.abs()).fold(0.05f32, |a, b| if b > a { b } else { a });
		let step = (start.len() / 24).max(1);
		for at in (0..start.len()).step_by(step) {
			const H: f32 = 1e-2;
			let moved = |by: f32| {
				let mut values = start.clone();
				values[at] += by;
				let mut tensors: Vec<Tensor> = arguments.to_vec();
				tensors[index] = Tensor::from_vec(values, argument.dims(), &Device::Cpu).expect(name);
				value(&tensors)
			};
			// Five points: the error is of order H^4.
			let slope = (8.0 * (moved(H) - moved(-H)) - (moved(2.0 * H) - moved(-2.0 * H))) / (12.0 * f64::from(H));
			let error = (slope - f64::from(gradient[at])).abs();
			assert!(
				error < 4e-3 * f64::from(scale),
				"{name}: argument {index} element {at}: gradient {}, differences {slope} (scale {scale})",
				gradient[at]
			);
		}
	}
}
