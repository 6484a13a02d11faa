use autonomy_primitives::{
	digest::input_hash,
	job::{
		AnimationInput, CellPrompt, EvaluationInput, ImageInput, JobInput, Modality, SeedPolicy, SpriteSheetInput,
		TextInput,
	},
};
use frame_support::{assert_noop, assert_ok, traits::fungible::Mutate};
use sp_runtime::{DispatchError, TokenError};

use super::{free, held};
use crate::{mock::*, Error, Event, HoldReason, JobState, Jobs, OpenJobs, Purpose, Tier};

fn submit_input(model: u32, input: JobInput) -> sp_runtime::DispatchResult {
	Inference::submit_job(signed(ALICE), model, Box::new(input), None, None, SeedPolicy::Chain, u64::MAX)
}

fn image_with(change: impl FnOnce(&mut ImageInput)) -> JobInput {
	let JobInput::Image(mut input) = image_input() else { unreachable!() };
	change(&mut input);
	JobInput::Image(input)
}

fn text_with(change: impl FnOnce(&mut TextInput)) -> JobInput {
	let JobInput::Text(mut input) = text_input() else { unreachable!() };
	change(&mut input);
	JobInput::Text(input)
}

/// An animation of four frames of [`image_input`].
fn animation_with(change: impl FnOnce(&mut AnimationInput)) -> JobInput {
	let JobInput::Image(image) = image_input() else { unreachable!() };
	let prompt_to = Default::default();
	let mut input = AnimationInput { image, prompt_to, frames: 4, frames_per_second: 8, motion_centi: 100 };
	change(&mut input);
	JobInput::Animation(input)
}

/// A sprite sheet of two cells.
fn sprites_with(change: impl FnOnce(&mut SpriteSheetInput)) -> JobInput {
	let JobInput::Image(image) = image_input() else { unreachable!() };
	let cell = |text: &[u8]| -> CellPrompt { text.to_vec().try_into().unwrap() };
	let cells = vec![cell(b"left"), cell(b"back")].try_into().unwrap();
	let mut input = SpriteSheetInput { image, cells, columns: 2, background_tolerance: 8 };
	change(&mut input);
	JobInput::SpriteSheet(input)
}

fn evaluation() -> JobInput {
	JobInput::Evaluation(EvaluationInput {
		base: version(1),
		candidate: version(2),
		set: evaluation_set(),
		model: Modality::Image,
		samples: SAMPLES,
		size: 64 * 64,
	})
}

#[test]
fn submit_job_should_hold_fee_and_deposit_when_all_is_well() {
	build_and_execute(|| {
		serving_operators(3);
		let quote = Inference::quote(IMAGE, image_input(), None, None).unwrap();
		assert_eq!((quote.fee, quote.units, quote.k), (PRICE * 10 * 3, 10, 3));
		assert!(quote.deposit > DEPOSIT_BASE);
		let id = submit(ALICE);
		assert_eq!(held(HoldReason::JobFee, ALICE), quote.fee);
		assert_eq!(held(HoldReason::JobDeposit, ALICE), quote.deposit);
		assert_eq!(free(ALICE), FUNDS - quote.fee - quote.deposit);
		let job = Jobs::<Test>::get(id).unwrap();
		assert_eq!(job.state, JobState::Open { draw_at: 3 });
		assert_eq!(job.input_hash, input_hash(&image_input()));
		assert_eq!((job.engine, job.budget, job.round, job.seed), (ENGINE, BUDGET, 0, None));
		assert_eq!(OpenJobs::<Test>::get(account(ALICE)), 1);
		let expected = Event::JobSubmitted {
			job: id,
			requester: account(ALICE),
			model: IMAGE,
			purpose: Purpose::Plain,
			tier: Tier::Image,
			k: 3,
			fee: quote.fee,
			audit_reserve: 0,
			deposit: quote.deposit,
			exposure: EXPOSURE,
			draw_at: 3,
		};
		assert_eq!(last_event(), expected);
	});
}

#[test]
fn submit_job_should_use_one_seat_when_a_text_job_says_nothing() {
	build_and_execute(|| {
		serving_operators(1);
		assert_ok!(submit_input(TEXT, text_input()));
		assert_eq!(Jobs::<Test>::get(0).unwrap().k, 1);
		assert_eq!(held(HoldReason::JobFee, ALICE), PRICE * 17);
	});
}

#[test]
fn submit_job_should_follow_the_tier_when_one_is_named() {
	build_and_execute(|| {
		serving_operators(5);
		let with_tier = |model, input, tier, max_fee| {
			Inference::submit_job(signed(ALICE), model, Box::new(input), None, tier, SeedPolicy::Chain, max_fee)
		};
		let creation = Some(Tier::Creation);
		// The reserve of an audit is part of what `max_fee` limits.
		assert_noop!(
			with_tier(IMAGE, image_input(), creation, 3 * SEAT_FEE + AUDIT_PAY - 1),
			Error::<Test>::FeeAboveLimit
		);
		assert_ok!(with_tier(IMAGE, image_input(), creation, 3 * SEAT_FEE + AUDIT_PAY));
		let job = stored(0);
		assert_eq!((job.tier, job.exposure, job.window, job.audit_reserve), (Tier::Creation, 2_000, 10, AUDIT_PAY));
		assert_ok!(with_tier(TEXT, text_input(), Some(Tier::Image), u64::MAX));
		assert_eq!((stored(1).tier, stored(1).k), (Tier::Image, 3));
	});
}

#[test]
fn submit_job_should_fail_when_the_tier_is_too_low_or_reserved() {
	build_and_execute(|| {
		serving_operators(5);
		let with_tier = |tier| {
			let input = Box::new(image_input());
			Inference::submit_job(signed(ALICE), IMAGE, input, None, Some(tier), SeedPolicy::Chain, u64::MAX)
		};
		assert_noop!(with_tier(Tier::Text), Error::<Test>::TierTooLow);
		assert_noop!(with_tier(Tier::Ballot), Error::<Test>::TierReserved);
	});
}

#[test]
fn submit_job_should_fail_when_a_limit_is_broken() {
	build_and_execute(|| {
		serving_operators(3);
		let bytes = |n: usize| vec![b'x'; n].try_into().unwrap();
		let cases = [
			(IMAGE, text_input(), Error::<Test>::WrongModality),
			(TEXT, image_input(), Error::<Test>::WrongModality),
			(IMAGE, image_with(|i| i.prompt = bytes(0)), Error::<Test>::PromptEmpty),
			(IMAGE, image_with(|i| i.prompt = bytes(65)), Error::<Test>::PromptTooLong),
			(IMAGE, image_with(|i| i.prompt = vec![0xff].try_into().unwrap()), Error::<Test>::PromptNotUtf8),
			(IMAGE, image_with(|i| i.negative_prompt = vec![0xff].try_into().unwrap()), Error::<Test>::PromptNotUtf8),
			(IMAGE, image_with(|i| i.steps = 0), Error::<Test>::StepsOutOfRange),
			(IMAGE, image_with(|i| i.steps = 51), Error::<Test>::StepsOutOfRange),
			(IMAGE, image_with(|i| i.width = 0), Error::<Test>::PixelsOutOfRange),
			(IMAGE, image_with(|i| i.height = 257), Error::<Test>::PixelsOutOfRange),
			(TEXT, text_with(|i| i.max_tokens = 0), Error::<Test>::TokensOutOfRange),
			(TEXT, text_with(|i| i.max_tokens = 65), Error::<Test>::TokensOutOfRange),
			(TEXT, text_with(|i| i.top_p_permille = 0), Error::<Test>::TopPOutOfRange),
			(TEXT, text_with(|i| i.top_p_permille = 1001), Error::<Test>::TopPOutOfRange),
			(TEXT, animation_with(|_| ()), Error::<Test>::WrongModality),
			(TEXT, sprites_with(|_| ()), Error::<Test>::WrongModality),
			(IMAGE, animation_with(|i| i.frames = 1), Error::<Test>::FramesOutOfRange),
			(IMAGE, animation_with(|i| i.frames = 33), Error::<Test>::FramesOutOfRange),
			(IMAGE, animation_with(|i| i.frames_per_second = 51), Error::<Test>::FrameRateOutOfRange),
			(IMAGE, animation_with(|i| i.motion_centi = 101), Error::<Test>::MotionOutOfRange),
			(IMAGE, animation_with(|i| i.image.prompt = bytes(0)), Error::<Test>::PromptEmpty),
			(IMAGE, sprites_with(|i| i.cells = Default::default()), Error::<Test>::CellsMissing),
			(IMAGE, sprites_with(|i| i.columns = 3), Error::<Test>::ColumnsOutOfRange),
			(IMAGE, sprites_with(|i| i.cells[1] = Default::default()), Error::<Test>::CellEmpty),
		];
		for (model, input, error) in cases {
			assert_eq!(Inference::quote(model, input.clone(), None, None), None);
			assert_noop!(submit_input(model, input), error);
		}
	});
}

#[test]
fn submit_job_should_take_the_largest_input_when_it_is_at_the_limits() {
	build_and_execute(|| {
		serving_operators(3);
		let largest = image_with(|i| {
			i.prompt = vec![b'x'; 64].try_into().unwrap();
			(i.steps, i.width, i.height) = (50, 256, 64);
		});
		assert_ok!(submit_input(IMAGE, largest));
	});
}

#[test]
fn submit_job_should_fail_when_the_model_is_unknown_or_closed() {
	build_and_execute(|| {
		serving_operators(3);
		assert_noop!(submit_input(7, image_input()), Error::<Test>::UnknownModel);
		set_active(IMAGE, false);
		assert_noop!(submit_input(IMAGE, image_input()), Error::<Test>::ModelInactive);
	});
}

#[test]
fn submit_job_should_fail_when_the_requester_lacks_the_licence() {
	build_and_execute(|| {
		serving_operators(3);
		Licensed::set(Some(IMAGE));
		assert_noop!(submit_input(IMAGE, image_input()), Error::<Test>::LicenceMissing);
		Licensed::set(None);
		assert_ok!(submit_input(IMAGE, image_input()));
	});
}

#[test]
fn submit_job_should_fail_when_the_fee_is_above_the_limit() {
	build_and_execute(|| {
		serving_operators(3);
		let with_max = |max_fee| {
			Inference::submit_job(signed(ALICE), IMAGE, Box::new(image_input()), None, None, SeedPolicy::Chain, max_fee)
		};
		assert_noop!(with_max(209), Error::<Test>::FeeAboveLimit);
		assert_ok!(with_max(210));
		// A price that rises between quote and submission is caught by the limit.
		set_price(IMAGE, PRICE + 1);
		assert_noop!(with_max(210), Error::<Test>::FeeAboveLimit);
	});
}

#[test]
fn submit_job_should_fail_when_the_fee_overflows() {
	build_and_execute(|| {
		serving_operators(3);
		set_price(IMAGE, u64::MAX / 10);
		assert_noop!(submit_input(IMAGE, image_input()), Error::<Test>::FeeOverflow);
	});
}

#[test]
fn submit_job_should_fail_when_the_committee_is_out_of_range() {
	build_and_execute(|| {
		serving_operators(3);
		let with_k = |k| {
			Inference::submit_job(
				signed(ALICE),
				IMAGE,
				Box::new(image_input()),
				Some(k),
				None,
				SeedPolicy::Chain,
				u64::MAX,
			)
		};
		assert_noop!(with_k(0), Error::<Test>::CommitteeSizeOutOfRange);
		assert_noop!(with_k(16), Error::<Test>::CommitteeSizeOutOfRange);
		assert_noop!(with_k(4), Error::<Test>::NotEnoughOperators);
		assert_ok!(with_k(1));
		assert_ok!(with_k(3));
	});
}

#[test]
fn submit_job_should_fail_when_operators_have_not_proved_their_engine() {
	build_and_execute(|| {
		serving_operators(2);
		assert_ok!(Inference::register_operator(signed(3), account(103), SLOT_BOND));
		assert_ok!(Inference::join_model(signed(3), IMAGE, 1, ENGINE, crate::CpuClass::Other));
		assert_noop!(submit_input(IMAGE, image_input()), Error::<Test>::NotEnoughOperators);
	});
}

#[test]
fn submit_job_should_fail_when_too_many_jobs_are_open() {
	build_and_execute(|| {
		serving_operators(3);
		for _ in 0..8 {
			submit(ALICE);
		}
		assert_noop!(submit_input(IMAGE, image_input()), Error::<Test>::TooManyOpenJobs);
		submit(BOB);
		assert_ok!(Inference::cancel_job(signed(ALICE), 0));
		assert_ok!(submit_input(IMAGE, image_input()));
	});
}

#[test]
fn submit_job_should_fail_when_the_money_is_not_there() {
	build_and_execute(|| {
		serving_operators(3);
		let error = DispatchError::from(TokenError::FundsUnavailable);
		assert_ok!(<Balances as Mutate<_>>::transfer(
			&account(ALICE),
			&account(BOB),
			FUNDS - 220,
			frame_support::traits::tokens::Preservation::Preserve,
		));
		assert_noop!(submit_input(IMAGE, image_input()), error);
	});
}

#[test]
fn submit_job_should_take_what_an_image_model_makes_besides_pictures() {
	build_and_execute(|| {
		serving_operators(3);
		let JobInput::Image(picture) = image_input() else { unreachable!() };
		// Four frames take four times as long, and cost four times as much; a tile is a picture.
		let cases = [(animation_with(|_| ()), 4), (sprites_with(|_| ()), 2), (JobInput::Tile(picture), 1)];
		for (job, (input, runs)) in (0u64..).zip(cases) {
			assert_ok!(submit_input(IMAGE, input));
			let job = stored(job);
			assert_eq!((job.tier, job.k, job.budget), (Tier::Image, 3, BUDGET * runs));
			assert_eq!((job.seat_fee, job.exposure), (u64::from(runs) * SEAT_FEE, u64::from(runs) * EXPOSURE));
		}
	});
}

#[test]
fn deadlines_should_be_as_much_later_as_a_job_takes_longer() {
	build_and_execute(|| {
		serving_operators(13);
		assert_ok!(submit_input(IMAGE, animation_with(|_| ())));
		run_on(0);
		// Three times four budgets of 4 blocks, and 10 of grace.
		assert_eq!(stored(0).state, JobState::Committing { deadline: 3 + 48 + 10, fill_at: None });
		agree(0);
		assert_ok!(challenge(0, 2));
		run_on(0);
		assert_eq!(stored(0).state.due(), System::block_number() + 58, "the jury has as long");
		run_out(0);
		let tier = Some(Tier::Creation);
		let input = Box::new(animation_with(|_| ()));
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, Some(1), tier, SeedPolicy::Chain, u64::MAX));
		run_on(1);
		agree(1);
		run_on(1);
		assert!(is_waiting_for_audit(1));
		assert_eq!(stored(1).state.due(), System::block_number() + 58, "and so has the auditor");
	});
}

#[test]
fn submit_job_should_fail_when_the_job_is_an_evaluation() {
	build_and_execute(|| {
		serving_operators(3);
		assert_noop!(submit_input(IMAGE, evaluation()), Error::<Test>::EvaluationReserved);
		assert!(Inference::quote(IMAGE, evaluation(), None, None).is_some(), "what it costs is no secret");
	});
}

#[test]
fn deposit_should_cover_the_split() {
	use autonomy_primitives::payout::Payee;
	use codec::Encode;
	build_and_execute(|| {
		serving_operators(3);
		let before = Inference::quote(IMAGE, image_input(), None, None).unwrap().deposit;
		let size = |job| Inference::split_of(job).unwrap().encoded_size() as u64;
		let first = size(submit(ALICE));
		set_payees(IMAGE, &[(Payee::Account(account(BOB)), 40), (Payee::Account(account(MODELLER)), 60)]);
		let quote = Inference::quote(IMAGE, image_input(), None, None).unwrap();
		let second = submit(ALICE);
		assert_eq!(stored(second).deposit, quote.deposit);
		assert_eq!(quote.deposit - before, size(second) - first);
		assert_eq!(size(second) - first, 1 + 32 + 4, "a payee and its share, at a planck for a byte");
	});
}
