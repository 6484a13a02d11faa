//! Prints one digest per pipeline run of small models, the golden results of the models in the folders given as arguments
//! and what they make of every other kind of output, and one digest over all: equal output means equal bits. With `--shaped`
//! in front, the pipelines are those with every layer of Stable Diffusion 1.5 and of a Llama with a billion parameters. With
//! `--cuda` before that, everything runs on the first NVIDIA GPU, in a build with the feature `cuda`.
//!
//! Run it on two machines, with other values of `RAYON_NUM_THREADS` and `AUTONOMY_ISA`, or under an emulator, and compare.

use autonomy_engine::exactness::{combined, golden_report, report_on, shaped_report_on, Failure};
use autonomy_engine::Engine;
use candle_core::Device;
use std::io::Write;

fn main() {
	if let Err(error) = run() {
		eprintln!("autonomy-engine-exactness: {error}");
		std::process::exit(1);
	}
}

fn run() -> Result<(), Failure> {
	let mut arguments = std::env::args().skip(1).peekable();
	let device = match arguments.next_if(|argument| argument == "--cuda") {
		Some(_) => Device::new_cuda_with_stream(0)?,
		None => Device::Cpu,
	};
	let mut lines = match arguments.next_if(|argument| argument == "--shaped") {
		Some(_) => shaped_report_on(&device)?,
		None => report_on(&device)?,
	};
	for dir in arguments {
		lines.extend(golden_report(&Engine::open_on(&dir, &device)?)?);
	}
	let mut out = std::io::stdout().lock();
	for (name, digest) in &lines {
		writeln!(out, "{digest} {name}")?;
	}
	writeln!(out, "{} combined", combined(&lines))?;
	Ok(())
}
