//! Runs models in a process of their own.
//!
//! A run is the one part of the worker that a stranger's input reaches. [`Sandbox`] therefore makes it in a child process,
//! the *engine process*: whatever an input does to it, the worker keeps its keys, its queue and its connection. The results
//! are those of a run in the worker's own process, bit for bit.
//!
//! - **Limits.** A run has a time limit, the process a memory limit. Both are watched from outside, and the process is
//!   killed beyond them.
//! - **Nothing to steal.** The process has standard input, output and error, an empty environment but for what sets the
//!   kernels' threads and instructions, and can gain no privileges.
//! - **No orphan.** The system kills the process when the worker ends, in whichever way.
//! - **Not for ever.** An input that ends its process [`MOST_ATTEMPTS`] times is given up as a fault, and a file remembers
//!   that across restarts.
//! - **Warm.** The process and the models that it loaded stay for the next run, within a budget of memory: beyond it the one
//!   that was not used for longest is closed. After a death a new one is started.
//! - **Heard.** Where it is asked for, a reply is told while it is written.
//!
//! The worker's program is both sides: [`Program::this`] starts it again with [`SUBCOMMAND`], which calls [`serve`]. Linux
//! only, with `/proc`.

mod child;
mod compute;
mod confine;
mod memory;
mod process;
mod protocol;
mod quarantine;
mod residents;
mod sandbox;

pub use child::{serve, ServeError};
pub use compute::{
	open_trace, read_set, run_job, run_model, trace_model, ComputeError, Computed, EvaluationFiles, InputFault, Job,
	LocalModel, Ready, Step, Trace,
};
pub use confine::ConfineError;
pub use memory::{machine_memory, own_memory};
pub use process::{Death, Program, Usage, SUBCOMMAND};
pub use protocol::ProtocolError;
pub use quarantine::QuarantineError;
pub use residents::{Residency, ResidentModel, Residents, Room, TooLarge};
pub use sandbox::{Sandbox, Settings, MOST_ATTEMPTS, QUARANTINE_FILE};
