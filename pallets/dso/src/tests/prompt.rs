use autonomy_governance::{Phase, Track};
use frame_support::assert_ok;

use super::{every_action, with_members};
use crate::{mock::*, prompt, traits::CallWords, Action, ActionOf};

const ANSWER: &str =
	"Answer with strongly for, for, neutral, against or strongly against, a colon, and why in one sentence.";

/// What an AI would be asked about a proposal of X that does something.
fn question(action: ActionOf<Test>) -> String {
	let id = propose(ALICE, X, Action::Signal);
	let mut proposal = proposal(id);
	proposal.action = action;
	let question = String::from_utf8(prompt::of::<Test>(id, &proposal).into_inner()).unwrap();
	assert_ok!(Dso::withdraw(signed(ALICE), id));
	question
}

#[test]
fn question_should_be_plain_and_end_with_how_to_answer() {
	build_and_execute(|| {
		for action in every_action() {
			let question = question(action);
			assert!(question.ends_with(ANSWER), "{question}");
			assert!(question.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{question}");
			assert!(question.len() <= 2_048);
		}
	});
}

#[test]
fn calls_should_be_said_in_words_or_by_their_names() {
	build_and_execute(|| {
		set_phase(Phase::Two);
		let fee = question(dispatch(Track::Interaction, &fee_call(1_100)));
		assert!(fee.contains("If it passes, on the track Interaction the fee becomes 1100. Answer"), "{fee}");
		let template = question(dispatch(Track::Templates, &template_call()));
		assert!(template.contains("on the track Templates the call Dso.set_template is made"), "{template}");
		let motion = question(motion(false, &template_call()));
		assert!(motion.contains("with the root origin: the call Dso.set_template is made"), "{motion}");
		// What nobody has noted, or what is too long to be read, by its hash.
		let unknown = question(Action::Motion { dual: false, hash: sp_core::H256::repeat_byte(5), len: 9 });
		assert!(unknown.contains("the call 0x0505") && unknown.contains("of 9 bytes is made"), "{unknown}");
		let words = <() as CallWords<RuntimeCall>>::words(&fee_call(1));
		assert_eq!(words.as_deref(), Some("the call System.remark is made"));
	});
}

#[test]
fn question_should_name_what_the_treasury_does() {
	build_and_execute(|| {
		with_members();
		let vote = crate::CharacterAction::VoteReferendum { referendum: 3, aye: false, balance: 70, conviction: 2 };
		let vote = question(Action::Character(vote));
		assert!(vote.contains("the treasury votes against referendum 3 with 70 planck, conviction 2"), "{vote}");
	});
}
