//! Euler's method that goes further down than it has to and climbs back with fresh noise ("Euler a").

use super::{EulerDiscrete, Sampler, SamplerError, SchedulerConfig};

/// `EulerAncestralDiscreteScheduler` of diffusers.
pub struct EulerAncestral {
	euler: EulerDiscrete,
}

impl EulerAncestral {
	/// A run of `steps` steps. As in diffusers, it ends at noise 0 and has no Karras levels.
	pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, SamplerError> {
		let plain = SchedulerConfig { use_karras_sigmas: false, final_sigmas_type: "zero".into(), ..config.clone() };
		Ok(Self { euler: EulerDiscrete::new(&plain, steps)? })
	}

	/// The level that step `i` goes down to, and the noise that is then added: together as much as the next level has.
	fn down_and_up(&self, i: usize) -> (f64, f64) {
		let (from, to) = self.euler.sigmas(i);
		let up = to * to * (from * from - to * to) / (from * from);
		(to * to / from, libm::sqrt(up))
	}
}

impl Sampler for EulerAncestral {
	fn timesteps(&self) -> &[f32] {
		self.euler.timesteps()
	}

	fn initial_sigma(&self) -> f32 {
		self.euler.initial_sigma()
	}

	fn input_scale(&self, i: usize) -> f32 {
		self.euler.input_scale(i)
	}

	fn mix(&self, i: usize) -> (f32, f32) {
		self.euler.mix(i)
	}

	fn noise_after(&self, i: usize) -> f32 {
		self.down_and_up(i).1 as f32
	}

	fn step(&mut self, i: usize, output: &[f32], sample: &mut [f32]) {
		let (down, _) = self.down_and_up(i);
		self.euler.go_to(i, down, output, sample);
	}
}
