//! Tensors on the device that a network runs on.

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// The same tensors on a device. Whatever reads and checks them does so on the CPU.
pub fn placed(tensors: VarBuilder<'static>, device: &Device) -> VarBuilder<'static> {
	match device {
		Device::Cpu => tensors,
		device => VarBuilder::from_backend(Box::new(Placed(tensors)), DType::F32, device.clone()),
	}
}

struct Placed(VarBuilder<'static>);

impl SimpleBackend for Placed {
	fn get(&self, shape: Shape, name: &str, hint: Init, _: DType, device: &Device) -> Result<Tensor> {
		self.0.get_with_hints(shape, name, hint)?.to_device(device)
	}

	fn get_unchecked(&self, name: &str, _: DType, device: &Device) -> Result<Tensor> {
		self.0.get_unchecked(name)?.to_device(device)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.0.contains_tensor(name)
	}
}
