//! Templates: made by governance, versioned, never removed.

use alloc::boxed::Box;
use frame_support::ensure;
use sp_runtime::{ArithmeticError, DispatchError, DispatchResult, Permill};

use crate::{
	charter, CheckError, Config, CustomisationOf, Error, Event, Field, NextTemplateId, Pallet, RoundTermsOf,
	TemplateId, TemplateOf, TemplateVersion, TemplateVersions, Templates,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_set_template(template: Option<TemplateId>, bounds: Box<TemplateOf<T>>) -> DispatchResult {
		ensure!(charter::is_name(&bounds.name), Error::<T>::NameInvalid);
		ensure!(charter::check_template(&bounds).is_ok(), Error::<T>::TemplateInvalid);
		let (template, before) = match template {
			Some(template) => (template, TemplateVersions::<T>::get(template).ok_or(Error::<T>::UnknownTemplate)?),
			None => {
				let template = NextTemplateId::<T>::get();
				NextTemplateId::<T>::put(template.checked_add(1).ok_or(ArithmeticError::Overflow)?);
				(template, 0)
			}
		};
		let version = before.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		TemplateVersions::<T>::insert(template, version);
		Templates::<T>::insert(template, version, &*bounds);
		Self::deposit_event(Event::TemplateSet { template, version, bounds });
		Ok(())
	}

	/// The newest version of a template.
	pub(crate) fn newest(template: TemplateId) -> Result<(TemplateVersion, TemplateOf<T>), DispatchError> {
		let version = TemplateVersions::<T>::get(template).ok_or(Error::<T>::UnknownTemplate)?;
		let bounds = Templates::<T>::get(template, version).ok_or(Error::<T>::UnknownTemplate)?;
		Ok((version, bounds))
	}

	/// Whether a new character may be like that.
	pub(crate) fn check(
		bounds: &TemplateOf<T>,
		customisation: &CustomisationOf<T>,
		round: Option<&RoundTermsOf<T>>,
	) -> Result<(), CheckError> {
		charter::check(bounds, customisation, Permill::zero())?;
		match round {
			Some(terms) => charter::check_round(bounds.round.as_ref(), terms, &customisation.split),
			None => Ok(()),
		}
	}

	/// The error for what `check_customisation` finds.
	pub(crate) fn error_of(error: CheckError) -> Error<T> {
		match error.field {
			Field::SplitOwner
			| Field::SplitInvestors
			| Field::SplitTreasury
			| Field::SplitFans
			| Field::SplitPlatform => Error::<T>::SplitOutOfBounds,
			Field::SplitSum => Error::<T>::SplitNotWhole,
			Field::MessageBytes | Field::ReplyTokens | Field::Temperature | Field::PricePermille => {
				Error::<T>::InteractionOutOfBounds
			}
			Field::TierCount | Field::TierName | Field::TierBonded | Field::TierSpent | Field::AdvancedFrom => {
				Error::<T>::TiersOutOfBounds
			}
			Field::Round
			| Field::RoundSupply
			| Field::RoundPrice
			| Field::RoundSlope
			| Field::RoundCap
			| Field::RoundDuration
			| Field::RoundPromise
			| Field::RoundTotal => Error::<T>::RoundOutOfBounds,
			Field::DsoCount | Field::Dso => Error::<T>::DsoOutOfBounds,
		}
	}
}
