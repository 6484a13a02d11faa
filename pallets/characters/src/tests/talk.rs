use autonomy_primitives::job::{ImageInput, JobInput, Prompt, TextInput};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{free, held};
use crate::{memory, mock::*, Error, Event, HoldReason, Talk, Talks};

fn message(text: &str) -> Prompt {
	text.as_bytes().to_vec().try_into().unwrap()
}

#[test]
fn talk_should_order_a_job_and_hold_the_surcharge() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::talk(signed(BOB), ada, message("hello"), 1_500));
		assert_eq!((held(HoldReason::Surcharge, BOB), free(BOB)), (500, FUNDS - 500));
		let talk = Talk { character: ada, requester: account(BOB), surcharge: 500 };
		assert_eq!(Talks::<Test>::get(1), Some(talk));
		let Some(JobInput::Talk(input)) = LastInput::get() else { panic!("a text job") };
		let memory = memory::no_memory(ada).head;
		assert_eq!((input.persona, input.memory, &input.text.prompt), (persona("Ada"), memory, &message("hello")));
		let input = input.text;
		assert_eq!((input.max_tokens, input.temperature_centi, input.top_k), (64, 100, 0));
		let event = Event::Talked { job: 1, character: ada, who: account(BOB), fee: 1_000, surcharge: 500 };
		assert_eq!(last_event(), event);
	});
}

fn picture() -> Box<JobInput> {
	Box::new(JobInput::Tile(ImageInput {
		prompt: message("a red circle"),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps: 4,
		guidance_centi: 100,
	}))
}

#[test]
fn order_should_order_a_picture_and_hold_the_surcharge() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::set_models(signed(ALICE), ada, Some(IMAGE), Some(TEXT)));
		assert_ok!(Characters::order(signed(BOB), ada, picture(), 1_500));
		assert_eq!((held(HoldReason::Surcharge, BOB), free(BOB)), (500, FUNDS - 500));
		assert_eq!(LastInput::get(), Some(*picture()));
		let talk = Talk { character: ada, requester: account(BOB), surcharge: 500 };
		assert_eq!(Talks::<Test>::get(1), Some(talk));
	});
}

#[test]
fn order_should_fail_when_it_is_no_picture_or_there_is_no_model() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::set_models(signed(ALICE), ada, None, Some(TEXT)));
		assert_noop!(Characters::order(signed(BOB), ada, picture(), 1_500), Error::<Test>::NoImageModel);
		assert_ok!(Characters::set_models(signed(ALICE), ada, Some(IMAGE), Some(TEXT)));
		let text = TextInput {
			prompt: message("hello"),
			max_tokens: 8,
			temperature_centi: 0,
			top_p_permille: 1_000,
			top_k: 0,
		};
		let text = Box::new(JobInput::Text(text));
		assert_noop!(Characters::order(signed(BOB), ada, text, 1_500), Error::<Test>::NotAPicture);
		assert_noop!(Characters::order(signed(BOB), ada, picture(), 1_499), Error::<Test>::FeeAboveLimit);
		assert_ok!(Characters::set_active(signed(ALICE), ada, false));
		assert_noop!(Characters::order(signed(BOB), ada, picture(), 1_500), Error::<Test>::Inactive);
	});
}

#[test]
fn talk_should_cost_the_job_alone_when_the_price_is_plain() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let mut charter = chosen();
		charter.interaction.price_permille = 1_000;
		assert_ok!(Characters::customise(signed(ALICE), ada, Box::new(charter)));
		assert_ok!(Characters::talk(signed(BOB), ada, message("hello"), 1_000));
		assert_eq!((held(HoldReason::Surcharge, BOB), free(BOB)), (0, FUNDS));
		finalise(1, ada, BOB);
		assert_eq!(Talks::<Test>::get(1), None);
	});
}

#[test]
fn talk_should_fail_when_the_message_does_not_fit() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let talk = |bytes: Vec<u8>| Characters::talk(signed(BOB), ada, bytes.try_into().unwrap(), 9_000);
		for bytes in [vec![], vec![b'x'; 101], vec![0xff]] {
			assert_noop!(talk(bytes), Error::<Test>::MessageInvalid);
		}
		assert_ok!(talk(vec![b'x'; 100]));
	});
}

#[test]
fn talk_should_fail_when_the_character_cannot() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let talk = |id| Characters::talk(signed(BOB), id, message("hello"), 9_000);
		assert_noop!(talk(9), Error::<Test>::UnknownCharacter);
		assert_ok!(Characters::set_models(signed(ALICE), ada, None, None));
		assert_noop!(talk(ada), Error::<Test>::NoLanguageModel);
		assert_ok!(Characters::set_active(signed(ALICE), ada, false));
		assert_noop!(talk(ada), Error::<Test>::Inactive);
	});
}

#[test]
fn talk_should_fail_when_it_costs_too_much() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let talk = |max| Characters::talk(signed(BOB), ada, message("hello"), max);
		assert_eq!(talk(1_499), Err(Error::<Test>::FeeAboveLimit.into()));
		assert_eq!(talk(999), Err(DispatchError::Other("the fee is above the limit")));
	});
}
