//! The floating-point environment that the specification assumes: IEEE 754 as it stands.
//!
//! A library that sets "flush to zero" or another rounding mode in a thread would change results without a trace.

/// A thread computes with something else than IEEE 754's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatEnvironment {
	/// The control register found: MXCSR on x86-64, FPCR on aarch64.
	pub register: u64,
	/// The thread of the pool, or `None` for the calling thread.
	pub thread: Option<usize>,
}

impl std::fmt::Display for FloatEnvironment {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self.thread {
			Some(thread) => write!(f, "thread {thread} of the pool")?,
			None => write!(f, "the calling thread")?,
		}
		write!(
			f,
			" does not round to nearest with gradual underflow (control register {:#x}): a library of this process \
			 changed the floating-point mode; results would differ from other machines'",
			self.register
		)
	}
}

impl std::error::Error for FloatEnvironment {}

/// The control bits that differ from the default: rounding mode, flush to zero, denormals as zero.
fn deviation() -> Option<u64> {
	#[cfg(target_arch = "x86_64")]
	{
		/// Flush to zero (15), rounding mode (13, 14), denormals as zero (6).
		const CONTROL: u32 = 1 << 15 | 3 << 13 | 1 << 6;
		let mut mxcsr = 0u32;
		// SAFETY: stores the 32-bit SSE control register, which every x86-64 has, to `mxcsr`.
		unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut mxcsr, options(nostack, preserves_flags)) };
		(mxcsr & CONTROL != 0).then_some(u64::from(mxcsr))
	}
	#[cfg(target_arch = "aarch64")]
	{
		/// Flush to zero (24), rounding mode (22, 23), flush inputs to zero (0), alternative handling (1).
		const CONTROL: u64 = 1 << 24 | 3 << 22 | 3;
		let fpcr: u64;
		// SAFETY: reads the floating-point control register, which user code may read.
		unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags)) };
		(fpcr & CONTROL != 0).then_some(fpcr)
	}
	#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
	None
}

/// Checks the calling thread and every thread of the current rayon pool.
///
/// # Errors
///
/// The first thread that flushes denormals to zero or does not round to nearest.
pub fn assert_float_environment() -> Result<(), FloatEnvironment> {
	if let Some(register) = deviation() {
		return Err(FloatEnvironment { register, thread: None });
	}
	let found = rayon::broadcast(|context| {
		deviation().map(|register| FloatEnvironment { register, thread: Some(context.index()) })
	});
	found.into_iter().flatten().next().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn environment_should_be_accepted_when_nothing_changed_it() {
		assert_eq!(assert_float_environment(), Ok(()));
	}

	#[cfg(target_arch = "x86_64")]
	#[test]
	fn environment_should_be_rejected_when_a_thread_flushes_to_zero() {
		let set = |value: u32| {
			// SAFETY: loads a valid SSE control word on this thread, which ends with the test.
			unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &value, options(nostack)) };
		};
		let found = std::thread::spawn(move || {
			set(0x9f80);
			let found = assert_float_environment();
			set(0x1f80);
			found
		})
		.join()
		.expect("the thread ends");
		let error = found.expect_err("flush to zero is on");
		assert_eq!(error.register & 0xffc0, 0x9f80);
		assert!(error.to_string().contains("floating-point mode"), "{error}");
	}
}
