//! Writes the runtime's metadata, version 15, to the path given: `scripts/metadata` runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
	let Some(path) = std::env::args().nth(1) else {
		eprintln!("usage: metadata PATH");
		return ExitCode::FAILURE;
	};
	// Some constants follow what the chain says, so there has to be one: an empty one has the defaults.
	let metadata =
		sp_io::TestExternalities::default().execute_with(|| autonomy_runtime::Runtime::metadata_at_version(15));
	let metadata = metadata.expect("every runtime serves version 15");
	match std::fs::write(&path, &**metadata) {
		Ok(()) => ExitCode::SUCCESS,
		Err(e) => {
			eprintln!("cannot write {path}: {e}");
			ExitCode::FAILURE
		}
	}
}
