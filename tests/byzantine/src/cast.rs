//! Who plays, and what each of those that misbehave does next. Nothing here talks to a chain: a move follows from what the
//! chain shows and from what was seen of others.

use std::collections::BTreeMap;

use autonomy_primitives::{
	digest::{cid, commitment, Sealed},
	trace::{TraceBuilder, TraceOpening},
	Digest, JobId,
};
use subxt::utils::AccountId32;

use crate::chain::{Job, JobView, Jury, Outcome, Seat};
use autonomy_chain_api::runtime_types::pallet_inference::types::{Audit, JobState, JuryPhase};

/// How an operator behaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
	/// A real worker that is left alone.
	Honest,
	/// A real worker that is killed at random moments and started again.
	Killed,
	/// Makes results up, as a seat, as auditor and as juror.
	Lying,
	/// Never runs a model: copies commitments, reveals and public results.
	Copying,
	/// Commits to noise and never reveals.
	Aborting,
	/// Registered and proved, and does nothing.
	Offline,
}

impl Role {
	/// Those that misbehave, whatever the number of operators.
	pub const BYZANTINE: [Self; 5] = [Self::Lying, Self::Copying, Self::Copying, Self::Aborting, Self::Offline];

	/// Whether it runs the models.
	pub fn is_real(self) -> bool {
		matches!(self, Self::Honest | Self::Killed)
	}

	/// Its name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Honest => "honest",
			Self::Killed => "killed",
			Self::Lying => "lying",
			Self::Copying => "copying",
			Self::Aborting => "aborting",
			Self::Offline => "offline",
		}
	}
}

/// A transaction that an operator could send.
#[derive(Clone, PartialEq, Debug)]
pub enum Move {
	/// `commit`.
	Commit(Digest),
	/// `reveal`.
	Reveal {
		/// What it says it had sealed.
		outcome: Outcome,
		/// What it says it was sealed with.
		salt: [u8; 32],
		/// The chunk of the trace.
		opening: Option<TraceOpening>,
	},
	/// `audit`.
	Audit {
		/// What it says it found.
		outcome: Outcome,
		/// The chunk of the trace.
		opening: Option<TraceOpening>,
	},
}

impl Move {
	/// The name of the call.
	pub fn call(&self) -> &'static str {
		match self {
			Self::Commit(_) => "commit",
			Self::Reveal { .. } => "reveal",
			Self::Audit { .. } => "audit",
		}
	}
}

/// Salts that were seen in reveals, by the job and what they opened.
pub type Salts = BTreeMap<(JobId, Digest, Digest), [u8; 32]>;

/// Where an operator can act on a job now.
enum Turn<'a> {
	Commit { seat: &'a Seat, bench: &'a [Seat], jury: Option<&'a Jury> },
	Reveal { seat: &'a Seat, bench: &'a [Seat], jury: Option<&'a Jury> },
	Audit { draw: &'a Digest },
}

fn turn<'a>(view: &'a JobView, me: &AccountId32) -> Option<Turn<'a>> {
	let mine = |bench: &'a [Seat]| bench.iter().find(|seat| seat.operator == *me);
	let committee = view.job.seats.0.as_slice();
	let panel = view.jury.as_ref().map(|jury| (jury, &jury.seats.0[usize::from(jury.first)..]));
	let commit = |bench, jury| {
		let seat = mine(bench).filter(|seat| seat.commitment.is_none())?;
		Some(Turn::Commit { seat, bench, jury })
	};
	let reveal = |bench, jury| {
		let seat = mine(bench).filter(|seat| seat.commitment.is_some() && seat.revealed.is_none())?;
		Some(Turn::Reveal { seat, bench, jury })
	};
	match &view.job.state {
		JobState::Committing { .. } => commit(committee, None),
		JobState::Revealing { .. } => reveal(committee, None),
		JobState::Jury { phase: JuryPhase::Committing { .. } } => {
			panel.and_then(|(jury, seats)| commit(seats, Some(jury)))
		}
		JobState::Jury { phase: JuryPhase::Revealing { .. } } => {
			panel.and_then(|(jury, seats)| reveal(seats, Some(jury)))
		}
		JobState::Agreed { audit: Audit::Waiting { .. }, .. } => {
			let auditor = view.job.auditor.as_ref().filter(|a| a.operator == *me && a.found.is_none())?;
			Some(Turn::Audit { draw: &auditor.draw })
		}
		_ => None,
	}
}

/// What an operator of this kind does about a job now, if anything.
pub fn next_move(role: Role, me: &AccountId32, id: JobId, view: &JobView, salts: &Salts) -> Option<Move> {
	let turn = turn(view, me)?;
	match role {
		Role::Lying => Some(lie(me, id, turn)),
		Role::Copying => copy(me, id, &view.job, turn, salts),
		Role::Aborting => match turn {
			Turn::Commit { .. } => Some(Move::Commit(noise("abort", me, id))),
			Turn::Reveal { .. } | Turn::Audit { .. } => None,
		},
		Role::Offline | Role::Honest | Role::Killed => None,
	}
}

fn sealed(outcome: Outcome, salt: [u8; 32]) -> Sealed {
	let Outcome { result, trace_root, artifact } = outcome;
	Sealed { result, trace_root, artifact, salt }
}

/// Bytes that only one operator uses for one job and one purpose.
fn noise(purpose: &str, me: &AccountId32, id: JobId) -> Digest {
	// A CID ends in the SHA-256 of its content: a hash that is at hand.
	let mut out = [0; 32];
	out.copy_from_slice(&cid(format!("{purpose} {me} {id}").as_bytes())[4..]);
	out
}

/// A trace that nobody has computed.
fn made_up_states(me: &AccountId32, id: JobId) -> Vec<Vec<u8>> {
	(0..8u8)
		.map(|step| {
			let seed = noise("state", me, id);
			seed.iter().cycle().map(|byte| byte ^ step).take(3000).collect()
		})
		.collect()
}

/// A made-up outcome that agrees with itself, so that every opening of its trace verifies.
pub fn made_up(me: &AccountId32, id: JobId) -> Outcome {
	let mut trace = TraceBuilder::default();
	made_up_states(me, id).iter().for_each(|state| trace.push(state));
	let result = noise("result", me, id);
	Outcome { result, trace_root: trace.root(), artifact: cid(&result) }
}

fn lie(me: &AccountId32, id: JobId, turn: Turn) -> Move {
	let (outcome, salt) = (made_up(me, id), noise("salt", me, id));
	let opening = |draw| TraceOpening::new(&made_up_states(me, id), &me.0, draw);
	match turn {
		Turn::Commit { seat, .. } => Move::Commit(commitment(id, seat.round, &me.0, &sealed(outcome, salt))),
		Turn::Reveal { jury, .. } => Move::Reveal { outcome, salt, opening: jury.and_then(|jury| opening(&jury.draw)) },
		Turn::Audit { draw } => Move::Audit { outcome, opening: opening(draw) },
	}
}

/// What the committee has made public.
fn public(job: &Job) -> Option<Outcome> {
	job.seats.0.iter().find_map(|seat| seat.revealed.as_ref()).map(Outcome::from)
}

fn copy(me: &AccountId32, id: JobId, job: &Job, turn: Turn, salts: &Salts) -> Option<Move> {
	let salt = noise("salt", me, id);
	match turn {
		// Somebody else's commitment, as soon as there is one.
		Turn::Commit { bench, jury: None, .. } => bench.iter().find_map(|seat| seat.commitment).map(Move::Commit),
		// The values that opened the original.
		Turn::Reveal { seat, bench, jury: None } => {
			let original = bench.iter().find(|other| other.operator != *me && other.commitment == seat.commitment)?;
			let outcome = Outcome::from(original.revealed.as_ref()?);
			let salt = *salts.get(&(id, outcome.result, outcome.trace_root))?;
			Some(Move::Reveal { outcome, salt, opening: None })
		}
		// A proper commitment to what everybody can read, and no chunk of a trace that it never had.
		Turn::Commit { seat, jury: Some(_), .. } => {
			Some(Move::Commit(commitment(id, seat.round, &me.0, &sealed(public(job)?, salt))))
		}
		Turn::Reveal { jury: Some(_), .. } => Some(Move::Reveal { outcome: public(job)?, salt, opening: None }),
		Turn::Audit { .. } => Some(Move::Audit { outcome: public(job)?, opening: None }),
	}
}

/// Whether the honest challenger speaks up now: chance has had its turn to find the wrong result, or time runs out.
pub fn is_time_to_challenge(job: &Job, right: &Outcome, now: u32) -> bool {
	/// Blocks before the end of the window at which it does not wait for chance any longer.
	const LAST: u32 = 8;
	let JobState::Agreed { final_at, audit } = &job.state else { return false };
	let wrong = public(job).is_some_and(|outcome| outcome.result != right.result);
	let chance_is_done = match audit {
		Audit::Closed => true,
		Audit::Pending { .. } => final_at.saturating_sub(now) <= LAST,
		Audit::Waiting { .. } => false,
	};
	wrong && chance_is_done && now < *final_at
}

#[cfg(test)]
mod tests {
	use super::*;

	const ME: AccountId32 = AccountId32([7; 32]);

	#[test]
	fn lie_should_open_every_chunk_that_chance_can_pick() {
		let outcome = made_up(&ME, 3);
		for draw in 0..50u8 {
			let opening = TraceOpening::new(&made_up_states(&ME, 3), &ME.0, &[draw; 32]).unwrap();
			assert!(opening.verify(&outcome.trace_root, &ME.0, &[draw; 32]));
		}
	}

	#[test]
	fn lies_should_differ_between_jobs_and_operators() {
		let other = AccountId32([8; 32]);
		assert_ne!(made_up(&ME, 3), made_up(&ME, 4));
		assert_ne!(made_up(&ME, 3), made_up(&other, 3));
		assert_eq!(made_up(&ME, 3), made_up(&ME, 3));
	}
}
