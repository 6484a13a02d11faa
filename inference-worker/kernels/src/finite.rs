//! The rule that every value is finite.

use candle_core::{DType, Device, Tensor};

use crate::isa::multiversion;
use crate::tensor::values;

/// A tensor holds an infinity or a NaN: the job ends with this fault.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
	/// Index of the first such value in row-major order.
	pub index: usize,
	/// The value.
	pub value: f32,
	/// Shape of the tensor.
	pub shape: Vec<usize>,
}

impl std::fmt::Display for NonFinite {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(
			f,
			"value {} of a tensor of shape {:?} is {}, which no result may contain",
			self.index, self.shape, self.value
		)
	}
}

impl std::error::Error for NonFinite {}

multiversion! {
	fn all_finite(x: &[f32]) -> bool {
		let mut finite = true;
		for x in x {
			finite &= x.to_bits() & 0x7f80_0000 != 0x7f80_0000;
		}
		finite
	}
}

/// Checks that every value of a tensor is finite. Tensors of whole numbers always pass.
///
/// # Errors
///
/// The first infinity or NaN.
pub fn check_finite(tensor: &Tensor) -> Result<(), NonFinite> {
	if !tensor.dtype().is_float() {
		return Ok(());
	}
	// A tensor that cannot be read as f32 is reported as if its first value were not a number.
	let unreadable = |_| NonFinite { index: 0, value: f32::NAN, shape: tensor.dims().to_vec() };
	let tensor = tensor
		.to_device(&Device::Cpu)
		.and_then(|tensor| tensor.to_dtype(DType::F32)?.contiguous())
		.map_err(unreadable)?;
	let x = values(&tensor).map_err(unreadable)?;
	if all_finite(&x) {
		return Ok(());
	}
	match x.iter().enumerate().find(|(_, value)| !value.is_finite()) {
		Some((index, &value)) => Err(NonFinite { index, value, shape: tensor.dims().to_vec() }),
		None => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn check_should_name_the_first_value_that_is_not_finite() {
		let mut data = vec![1.0f32; 100];
		let tensor = |data: &[f32]| Tensor::from_slice(data, (10, 10), &Device::Cpu).expect("shape fits");
		assert_eq!(check_finite(&tensor(&data)), Ok(()));
		data[37] = f32::NEG_INFINITY;
		data[80] = f32::NAN;
		let error = check_finite(&tensor(&data)).expect_err("not finite");
		assert_eq!((error.index, error.value), (37, f32::NEG_INFINITY));
		assert!(error.to_string().contains("value 37"), "{error}");
	}
}
