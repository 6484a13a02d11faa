//! Jobs: what they cost, their submission and their cancellation.

use autonomy_primitives::{
	digest,
	job::JobInput,
	model::{ModelAccess, ModelRegistry, ModelTerms},
	JobId, ModelId,
};
use codec::{Encode, MaxEncodedLen};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{fungible::MutateHold, Get},
	BoundedVec,
};
use sp_runtime::{
	traits::{BlakeTwo256, CheckedMul, Hash, Saturating, Zero},
	ArithmeticError,
};

use crate::{
	maths, Agenda, BalanceOf, Config, Error, Event, HoldReason, Job, JobState, Jobs, Memberships, NextJobId, OpenJobs,
	OperatorCount, Order, Pallet, Purpose, Quote, Seat, SplitOf, Splits, Tier, LEAST_OF_EVALUATION,
};

/// A job that fits its model: everything that it takes from the chain, and what it costs.
pub(crate) struct Quoted<T: Config> {
	pub terms: ModelTerms<T::AccountId, BalanceOf<T>>,
	pub tier: Tier,
	pub split: SplitOf<T>,
	pub quote: Quote<BalanceOf<T>>,
}

impl<T: Config> Pallet<T> {
	/// What a job costs now, or why it would be refused. Who asks for it, and whether there are operators for it, is not
	/// looked at.
	pub fn quote_for(
		model: ModelId,
		input: &JobInput,
		k: Option<u8>,
		tier: Option<Tier>,
		purpose: Purpose,
	) -> Result<Quote<BalanceOf<T>>, DispatchError> {
		Ok(Self::do_quote(model, input, k, tier, purpose)?.quote)
	}

	/// Checks an input against a model and prices it.
	pub(crate) fn do_quote(
		model: ModelId,
		input: &JobInput,
		k: Option<u8>,
		tier: Option<Tier>,
		purpose: Purpose,
	) -> Result<Quoted<T>, Error<T>> {
		let of_input = Purpose::of(input);
		let fits = |reserved: Purpose| (purpose == reserved) == (of_input == reserved);
		ensure!(fits(Purpose::Evaluation), Error::<T>::EvaluationReserved);
		ensure!(fits(Purpose::Ballot), Error::<T>::BallotReserved);
		let of_character = matches!(purpose, Purpose::Character(_));
		ensure!(of_character || !matches!(input, JobInput::Talk(_)), Error::<T>::TalkReserved);
		let terms = T::Models::terms(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(terms.active, Error::<T>::ModelInactive);
		input.check(terms.modality, &terms.limits)?;
		let least = Tier::of(input.modality());
		let tier = match purpose {
			Purpose::Plain | Purpose::Character(_) => tier.unwrap_or(least),
			Purpose::Evaluation | Purpose::Ballot => least,
		};
		ensure!(tier >= least, Error::<T>::TierTooLow);
		let rules = Self::tiers().of(tier);
		let (min, max) = (T::MinCommittee::get(), T::MaxCommittee::get());
		let of_tier = rules.committee.clamp(min, max);
		let k = match purpose {
			Purpose::Plain | Purpose::Character(_) => k.unwrap_or(of_tier),
			Purpose::Evaluation => k.unwrap_or(of_tier).max(LEAST_OF_EVALUATION),
			Purpose::Ballot => of_tier,
		};
		ensure!((min..=max).contains(&k), Error::<T>::CommitteeSizeOutOfRange);
		let units = input.units();
		let seat_fee = terms.price_per_unit.checked_mul(&units.into()).ok_or(Error::<T>::FeeOverflow)?;
		let fee = seat_fee.checked_mul(&k.into()).ok_or(Error::<T>::FeeOverflow)?;
		let audit_reserve = if rules.audit.is_zero() { Zero::zero() } else { Self::audit_pay(seat_fee)? };
		let split = Self::split_now(model, purpose)?;
		let deposit = Self::job_deposit(input, k, &split);
		Ok(Quoted { terms, tier, split, quote: Quote { seat_fee, fee, audit_reserve, deposit, units, k } })
	}

	/// What an audit is paid, in planck.
	fn audit_pay(seat_fee: BalanceOf<T>) -> Result<BalanceOf<T>, Error<T>> {
		let thousandths = seat_fee.checked_mul(&Self::disputes().audit_pay.into()).ok_or(Error::<T>::FeeOverflow)?;
		Ok(thousandths / 1_000u32.into())
	}

	/// Storage deposit for the encoded size of the input, the split and `k` seats.
	fn job_deposit(input: &JobInput, k: u8, split: &SplitOf<T>) -> BalanceOf<T> {
		let seat = Seat::<T::AccountId, crate::BlockNumberFor<T>>::max_encoded_len();
		let bytes = input.encoded_size().saturating_add(seat.saturating_mul(k.into()));
		let bytes = bytes.saturating_add(split.encoded_size());
		let bytes: BalanceOf<T> = u32::try_from(bytes).unwrap_or(u32::MAX).into();
		T::JobDepositBase::get().saturating_add(T::JobDepositPerByte::get().saturating_mul(bytes))
	}

	/// Submits a job that `requester` pays for. Checks and holds are those of `submit_job`; an evaluation needs no licence to
	/// the model, since nothing that the model makes comes of it. Ballots are ordered by
	/// [`autonomy_primitives::ballot::Ballots::order`] alone. To be called where an error undoes everything, as it does in a
	/// call.
	pub fn submit(requester: T::AccountId, order: Order<BalanceOf<T>>) -> Result<JobId, DispatchError> {
		ensure!(order.purpose != Purpose::Ballot, Error::<T>::BallotReserved);
		Self::do_submit(requester, order, None)
	}

	/// Submits a job in which `barred` must have no part. A ballot needs no licence either: the model's owner must not decide
	/// which AIs have a voice.
	pub(crate) fn do_submit(
		requester: T::AccountId,
		order: Order<BalanceOf<T>>,
		barred: Option<T::AccountId>,
	) -> Result<JobId, DispatchError> {
		let Order { model, input, k, tier, seed_policy, max_fee, purpose } = order;
		let Quoted { terms, tier, split, quote } = Self::do_quote(model, &input, k, tier, purpose)?;
		let may_order = match purpose {
			Purpose::Plain | Purpose::Character(_) => T::Access::may_use(model, &requester),
			Purpose::Evaluation | Purpose::Ballot => true,
		};
		ensure!(may_order, Error::<T>::LicenceMissing);
		let Quote { seat_fee, fee, audit_reserve, deposit, k, .. } = quote;
		let most = fee.saturating_add(audit_reserve);
		ensure!(most <= max_fee, Error::<T>::FeeAboveLimit);
		let of_barred = barred.as_ref().and_then(Self::operator_of);
		ensure!(Self::operators_but(model, of_barred.as_ref()) >= k.into(), Error::<T>::NotEnoughOperators);
		OpenJobs::<T>::try_mutate(&requester, |open| {
			ensure!(*open < T::MaxOpenJobsPerAccount::get(), Error::<T>::TooManyOpenJobs);
			open.saturating_inc();
			Ok::<_, DispatchError>(())
		})?;
		T::Currency::hold(&HoldReason::JobFee.into(), &requester, most)?;
		T::Currency::hold(&HoldReason::JobDeposit.into(), &requester, deposit)?;
		let id = NextJobId::<T>::get();
		NextJobId::<T>::put(id.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		let draw_at = Self::after(Self::timing().draw_delay);
		let (rules, disputes) = (Self::tiers().of(tier), Self::disputes());
		let weights_root = match &input {
			JobInput::Evaluation(evaluation) => evaluation.base.weights_root,
			JobInput::Image(_)
			| JobInput::Text(_)
			| JobInput::Talk(_)
			| JobInput::Animation(_)
			| JobInput::SpriteSheet(_)
			| JobInput::Tile(_)
			| JobInput::Ballot(_) => terms.weights_root,
		};
		let job = Job {
			requester: requester.clone(),
			model,
			purpose,
			input_hash: digest::input_hash(&input),
			budget: terms.budget.saturating_mul(input.runs()),
			input,
			k,
			tier,
			seed_policy,
			seed: None,
			seat_fee,
			audit_reserve,
			deposit,
			exposure: maths::exposure(seat_fee, disputes.exposure_factor, rules.least_exposure),
			audit_probability: rules.audit,
			window: rules.window,
			round: 0,
			tries: 0,
			redraws: 0,
			state: JobState::Open { draw_at },
			seats: BoundedVec::new(),
			auditor: None,
			challenge: None,
			// It stays turned away when another key works for it.
			excluded: BoundedVec::truncate_from(of_barred.into_iter().collect()),
			barred,
			submitted_at: frame_system::Pallet::<T>::block_number(),
			weights_root,
			engine: terms.engine,
		};
		Self::deposit_event(Event::JobSubmitted {
			job: id,
			requester,
			model,
			purpose,
			tier,
			k,
			fee,
			audit_reserve,
			deposit,
			exposure: job.exposure,
			draw_at,
		});
		Jobs::<T>::insert(id, job);
		Splits::<T>::insert(id, split);
		Agenda::<T>::insert(draw_at, id, ());
		Ok(id)
	}

	/// Operators in a model's draw but this one.
	fn operators_but(model: ModelId, operator: Option<&T::AccountId>) -> u32 {
		let membership = operator.and_then(|operator| Memberships::<T>::get(model, operator));
		let is_drawn = membership.is_some_and(|membership| membership.proved.is_some());
		OperatorCount::<T>::get(model).saturating_sub(is_drawn.into())
	}

	pub(crate) fn do_cancel_job(who: T::AccountId, id: JobId) -> DispatchResult {
		let job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		ensure!(job.requester == who, Error::<T>::NotRequester);
		ensure!(matches!(job.state, JobState::Open { .. }), Error::<T>::NotOpen);
		let refunded = Self::refund(&job);
		Self::remove(id, &job);
		Self::deposit_event(Event::JobCancelled { job: id, refunded });
		Self::tell_failed(id, job.purpose);
		Ok(())
	}
}

/// The operator's 32 bytes in a commitment: its account as it is encoded, or the hash of that where accounts are not 32
/// bytes long.
pub(crate) fn account_bytes<AccountId: Encode>(account: &AccountId) -> [u8; 32] {
	account.using_encoded(|bytes| bytes.try_into().unwrap_or_else(|_| BlakeTwo256::hash(bytes).0))
}
