//! Talking to characters, what that costs on top of the job, and what they remember of it.

use autonomy_primitives::{
	character::CharacterTerms,
	job::{JobInput, Modality, Prompt, TalkInput, TextInput},
	payout::{CharacterPayees, Payee},
	CharacterId, Digest, JobId, ModelId,
};
use frame_support::{
	defensive, ensure,
	storage::with_storage_layer,
	traits::{
		fungible::{Inspect, MutateHold},
		tokens::{DepositConsequence, Fortitude, Precision, Provenance, Restriction},
	},
};
use sp_runtime::{
	traits::{CheckedAdd, Zero},
	ArithmeticError, DispatchError, DispatchResult, Saturating,
};

use crate::{
	maths, memory, BalanceOf, Characters, Config, Division, Error, Event, HoldReason, Memories, Pallet, Submitted,
	Talk, TalkJobs, TalkOf, Talks,
};

/// A prompt is sampled from all tokens.
const NO_TOP_P: u16 = 1_000;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_talk(
		who: T::AccountId,
		character: CharacterId,
		message: Prompt,
		max_fee: BalanceOf<T>,
	) -> DispatchResult {
		let info = Self::known(character)?;
		ensure!(info.active, Error::<T>::Inactive);
		let model = info.language_model.ok_or(Error::<T>::NoLanguageModel)?;
		let interaction = Self::charter_of(character, &info)?.interaction;
		let fits = !message.is_empty()
			&& message.len() <= usize::from(interaction.max_message_bytes)
			&& core::str::from_utf8(&message).is_ok();
		ensure!(fits, Error::<T>::MessageInvalid);
		let memory = Self::memory_at(character);
		let text = TextInput {
			prompt: message,
			max_tokens: interaction.max_reply_tokens,
			temperature_centi: interaction.temperature_centi,
			top_p_permille: NO_TOP_P,
			top_k: 0,
		};
		let input = JobInput::Talk(TalkInput { text, persona: info.persona, memory: memory.head });
		Self::submit(who, character, model, input, interaction.price_permille, max_fee)
	}

	pub(crate) fn do_order(
		who: T::AccountId,
		character: CharacterId,
		input: JobInput,
		max_fee: BalanceOf<T>,
	) -> DispatchResult {
		let info = Self::known(character)?;
		ensure!(info.active, Error::<T>::Inactive);
		let model = info.image_model.ok_or(Error::<T>::NoImageModel)?;
		let kind = input.modality();
		ensure!(kind != Modality::Evaluation && kind.is_made_by(Modality::Image), Error::<T>::NotAPicture);
		let interaction = Self::charter_of(character, &info)?.interaction;
		Self::submit(who, character, model, input, interaction.price_permille, max_fee)
	}

	/// Submits a job of a character, and holds what the character gets on top.
	fn submit(
		who: T::AccountId,
		character: CharacterId,
		model: ModelId,
		input: JobInput,
		price_permille: u32,
		max_fee: BalanceOf<T>,
	) -> DispatchResult {
		with_storage_layer(|| {
			let Submitted { job, fee } = T::Jobs::submit(&who, model, input, character, max_fee)?;
			let least = T::Currency::minimum_balance();
			let surcharge = maths::surcharge(fee, price_permille, least).ok_or(ArithmeticError::Overflow)?;
			let total = fee.checked_add(&surcharge).ok_or(ArithmeticError::Overflow)?;
			ensure!(total <= max_fee, Error::<T>::FeeAboveLimit);
			if !surcharge.is_zero() {
				T::Currency::hold(&HoldReason::Surcharge.into(), &who, surcharge)?;
			}
			Talks::<T>::insert(job, Talk { character, requester: who.clone(), surcharge });
			Self::deposit_event(Event::Talked { job, character, who, fee, surcharge });
			Ok(())
		})
	}

	fn do_job_final(
		job: JobId,
		character: CharacterId,
		requester: &T::AccountId,
		spent: BalanceOf<T>,
		result: &Digest,
	) {
		if !Characters::<T>::contains_key(character) {
			defensive!("a job of a character that was never created");
			return;
		}
		Self::do_record_spend(character, requester, spent);
		let memory = memory::remember(&Self::memory_at(character), job, result);
		Memories::<T>::insert(character, memory);
		let (requester, result) = (requester.clone(), *result);
		Self::deposit_event(Event::MemoryAppended { character, job, requester, result, memory });
		Self::settle_surcharge(job, true);
	}

	/// Divides the surcharge of a message, or gives it back. One that cannot be divided goes back as a whole, which the
	/// requester's account can always take.
	fn settle_surcharge(job: JobId, earned: bool) {
		let Some(talk) = Talks::<T>::get(job) else { return };
		let settled = Self::try_settle(job, &talk, earned).or_else(|_| Self::try_settle(job, &talk, false));
		if settled.is_err() {
			defensive!("a surcharge on hold could not be settled");
		}
	}

	fn try_settle(job: JobId, talk: &TalkOf<T>, earned: bool) -> DispatchResult {
		with_storage_layer(|| {
			Talks::<T>::remove(job);
			let paid = if earned { Self::divide_surcharge(talk)? } else { Division::default() };
			let Division { owner, investors, treasury, fans, platform } = paid;
			let rest = [owner, investors, treasury, fans, platform]
				.into_iter()
				.fold(talk.surcharge, |rest, part| rest.saturating_sub(part));
			Self::release(HoldReason::Surcharge, &talk.requester, rest)?;
			if !talk.surcharge.is_zero() {
				Self::deposit_event(Event::SurchargeSettled { job, character: talk.character, paid });
			}
			Ok(())
		})
	}

	/// Pays a surcharge to those among whom the character's part is divided. What a payee cannot take is the treasury's.
	/// Returns what each has got; what is left is still on hold.
	fn divide_surcharge(talk: &TalkOf<T>) -> Result<Division<BalanceOf<T>>, DispatchError> {
		let info = Self::known(talk.character)?;
		let charter = Self::charter_of(talk.character, &info)?;
		let parts = maths::divide(talk.surcharge, &charter.split);
		let payees = Self::payees(talk.character, &info, &charter.split);
		let amounts = [parts.owner, parts.investors, parts.fans, parts.platform];
		let mut paid = [BalanceOf::<T>::zero(); 4];
		let mut rest = talk.surcharge;
		for (((payee, _), amount), paid) in payees.iter().zip(amounts).zip(paid.iter_mut()) {
			if Self::pay(&talk.requester, payee, amount)? {
				*paid = amount;
				rest = rest.saturating_sub(amount);
			}
		}
		let treasury = Payee::Treasury(info.community);
		let treasury = if Self::pay(&talk.requester, &treasury, rest)? { rest } else { Zero::zero() };
		let [owner, investors, fans, platform] = paid;
		Ok(Division { owner, investors, treasury, fans, platform })
	}

	/// Pays out of a requester's surcharge. Returns whether the payee could take it.
	fn pay(requester: &T::AccountId, payee: &Payee<T::AccountId>, amount: BalanceOf<T>) -> Result<bool, DispatchError> {
		let to = payee.account::<_, T::Revenue>();
		let takes = T::Currency::can_deposit(&to, amount, Provenance::Extant) == DepositConsequence::Success;
		if amount.is_zero() || !takes {
			return Ok(false);
		}
		// The requester's own freezes do not stop what it has bound itself to pay.
		T::Currency::transfer_on_hold(
			&HoldReason::Surcharge.into(),
			requester,
			&to,
			amount,
			Precision::Exact,
			Restriction::Free,
			Fortitude::Force,
		)?;
		payee.paid::<_, T::Revenue>(amount);
		Ok(true)
	}
}

impl<T: Config> autonomy_primitives::character::Characters<T::AccountId, BalanceOf<T>> for Pallet<T> {
	fn terms(character: CharacterId) -> Option<CharacterTerms<T::AccountId>> {
		let info = Characters::<T>::get(character)?;
		let charter = Self::charter_of(character, &info).ok()?;
		let payees = Self::payees(character, &info, &charter.split);
		Some(CharacterTerms { community: info.community, payees: CharacterPayees::truncate_from(payees) })
	}

	fn on_job_final(
		job: JobId,
		character: CharacterId,
		requester: &T::AccountId,
		spent: BalanceOf<T>,
		result: &Digest,
	) {
		Self::do_job_final(job, character, requester, spent, result);
	}

	fn on_job_failed(job: JobId, _: CharacterId) {
		Self::settle_surcharge(job, false);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_character(requester: &T::AccountId, job: JobId) -> Option<CharacterId> {
		Some(crate::benchmarking::with_surcharge::<T>(requester, job))
	}
}
