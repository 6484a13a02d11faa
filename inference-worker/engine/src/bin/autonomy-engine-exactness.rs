//! Prints one digest per pipeline run of small models, the golden results of the models in the folders given as arguments,
//! and one digest over all: equal output means equal bits.
//!
//! Run it on two machines, with other values of `RAYON_NUM_THREADS` and `AUTONOMY_ISA`, or under an emulator, and compare.

use autonomy_engine::exactness::{combined, report, Failure};
use autonomy_engine::{Control, Engine};
use std::io::Write;

fn main() {
	if let Err(error) = run() {
		eprintln!("autonomy-engine-exactness: {error}");
		std::process::exit(1);
	}
}

fn run() -> Result<(), Failure> {
	let mut lines = report()?;
	for dir in std::env::args().skip(1) {
		let model = Engine::open(&dir)?;
		let golden = &model.manifest().golden;
		let input = golden.input.to_job_input()?;
		let output = model.run(&input, golden.seed.0, [0; 32], &mut |_| Control::Continue)?;
		lines.push((format!("{} golden", model.manifest().name), hex::encode(output.result)));
	}
	let mut out = std::io::stdout().lock();
	for (name, digest) in &lines {
		writeln!(out, "{digest} {name}")?;
	}
	writeln!(out, "{} combined", combined(&lines))?;
	Ok(())
}
