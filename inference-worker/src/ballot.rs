//! The files of ballots: whether one is that of a job, and what it says, for people.

use autonomy_engine::BallotRecord;
use autonomy_primitives::{job::Modality, Digest};

use crate::chain::Provenance;

/// The ballot that a stored file is, if the result of this final job is a digest of it.
pub fn of_job(file: &[u8], row: &Provenance, genesis: Digest) -> Option<BallotRecord> {
	let record = BallotRecord::from_json(file)?;
	row.is_of(genesis, Modality::Ballot, &record.canonical()).then_some(record)
}

/// What a character decided and said, for a terminal.
pub fn lines(record: &BallotRecord) -> Vec<String> {
	let decision = match record.decision {
		Some(decision) => format!("{decision} %"),
		None => "none: the proposer's words turned it round".into(),
	};
	let mut lines = vec![format!("decision  {decision}"), format!("question  {}", shown(&record.question))];
	for run in &record.runs {
		let told = if run.prose.is_some() { "told" } else { "alone" };
		if let Some(prose) = &run.prose {
			lines.push(format!("proposer  {}", shown(prose)));
		}
		let (stance, decision) = (run.stance.name(), run.decision);
		lines.push(format!("{told:8}  {stance} ({decision} %): {}", shown(&run.reason)));
	}
	lines
}

/// A text that somebody else wrote: on one line, and it steers no terminal.
fn shown(text: &str) -> String {
	text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
pub mod tests {
	use super::*;
	use autonomy_engine::{BallotRun, Hash32, Stance};
	use autonomy_primitives::digest::{cid, reasons, result, ResultContext};

	/// A ballot of the character of [`crate::chain::memory::ballot`].
	pub fn record() -> BallotRecord {
		let run = |prose: Option<&str>, stance: Stance, reason: &str| BallotRun {
			prose: prose.map(String::from),
			stance,
			decision: stance.decision(),
			reason: reason.into(),
		};
		BallotRecord {
			decision: Some(-50),
			question: "Shall we?".into(),
			persona: autonomy_engine::digest::cid_text(&cid(b"wry")),
			runs: vec![
				run(Some("It is cheap."), Stance::Against, "it is not"),
				run(None, Stance::StronglyAgainst, "who\u{1b}[2Jpays?"),
			],
			reasons: Hash32(reasons(&[(-50, &[1, 2, 3][..]), (-100, &[4, 5][..])])),
		}
	}

	/// The result digest of a ballot, and the row of its job.
	fn final_row(record: &BallotRecord, genesis: Digest) -> Provenance {
		let context = ResultContext {
			genesis,
			model_root: [3; 32],
			engine: [4; 32],
			input_hash: [5; 32],
			seed: [6; 32],
			modality: Modality::Ballot,
		};
		Provenance {
			model: 0,
			requester: crate::chain::AccountId::from([9; 32]),
			engine: [4; 32],
			weights_root: [3; 32],
			input_hash: [5; 32],
			seed: [6; 32],
			result: result(&context, &record.canonical()),
			trace_root: [7; 32],
			artifact: cid(&record.to_json()),
			k: 5,
			finalised_at: 9,
		}
	}

	#[test]
	fn file_should_be_the_jobs_only_when_the_result_is_a_digest_of_it() {
		let record = record();
		let row = final_row(&record, [8; 32]);
		assert_eq!(of_job(&record.to_json(), &row, [8; 32]).as_ref(), Some(&record));
		assert_eq!(of_job(&record.to_json(), &row, [1; 32]), None, "of another chain");
		assert_eq!(of_job(&record.to_json(), &Provenance { seed: [0; 32], ..row.clone() }, [8; 32]), None);
		let other = BallotRecord { decision: Some(50), ..record.clone() };
		assert_eq!(of_job(&other.to_json(), &row, [8; 32]), None, "somebody else's decision");
		let other = BallotRecord { reasons: Hash32([0; 32]), ..record };
		assert_eq!(of_job(&other.to_json(), &row, [8; 32]), None, "somebody else's reasons");
		assert_eq!(of_job(b"a picture", &row, [8; 32]), None);
	}

	#[test]
	fn lines_should_say_what_was_decided_and_why() {
		let record = record();
		let expected = [
			"decision  -50 %",
			"question  Shall we?",
			"proposer  It is cheap.",
			"told      against (-50 %): it is not",
			"alone     strongly against (-100 %): who [2Jpays?",
		];
		assert_eq!(lines(&record), expected);
		let none = BallotRecord { decision: None, ..record };
		assert_eq!(lines(&none)[0], "decision  none: the proposer's words turned it round");
	}
}
