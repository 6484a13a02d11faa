//! `autonomy-worker engine-process`: runs models for the worker that started it.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::{bail, Result};

/// Serves the worker at the other end of standard input and output until it hangs up.
pub fn execute() -> Result<ExitCode> {
	let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
	if input.is_terminal() {
		bail!("engine-process is started by `autonomy-worker run` and speaks no language for people");
	}
	autonomy_sandbox::serve(&mut input, &mut output)?;
	Ok(ExitCode::SUCCESS)
}
