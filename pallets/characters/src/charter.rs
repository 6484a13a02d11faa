//! Templates and what is chosen within them: whether it fits, and how it is read when the bounds have moved. Nothing of
//! FRAME.

use alloc::vec::Vec;
use sp_runtime::{traits::AtLeast32BitUnsigned, Permill, SaturatedConversion};

use crate::{
	maths::{self, cost, WHOLE},
	types::{
		Bounds, CheckError, Customisation, Division, FanTier, Field, Interaction, InteractionBounds, Name, PriceRule,
		RevenueSplit, RoundBounds, RoundTerms, SplitBounds, Template, MAX_NAME_BYTES, PLAIN_PRICE,
	},
};

type Checked = Result<(), CheckError>;

/// Something that bounds can be stated for.
trait Value: PartialOrd + Copy {
	/// The value as clients read it.
	fn number(self) -> u128;
}

impl Value for Permill {
	fn number(self) -> u128 {
		self.deconstruct().into()
	}
}

/// A whole number as [`Value`].
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Whole<Number>(Number);

impl<Number: AtLeast32BitUnsigned + Copy> Value for Whole<Number> {
	fn number(self) -> u128 {
		self.0.saturated_into()
	}
}

impl Value for u8 {
	fn number(self) -> u128 {
		self.into()
	}
}

impl Value for u16 {
	fn number(self) -> u128 {
		self.into()
	}
}

impl Value for u32 {
	fn number(self) -> u128 {
		self.into()
	}
}

fn whole<Number: Copy>(bounds: &Bounds<Number>) -> Bounds<Whole<Number>> {
	let Bounds { min, default, max } = *bounds;
	Bounds { min: Whole(min), default: Whole(default), max: Whole(max) }
}

fn within<V: Value>(field: Field, index: usize, value: V, bounds: &Bounds<V>) -> Checked {
	if bounds.contains(value) {
		return Ok(());
	}
	Err(refused(field, index, value.number(), bounds.min.number(), bounds.max.number()))
}

fn refused(field: Field, index: usize, value: u128, min: u128, max: u128) -> CheckError {
	CheckError { field, index: u32::try_from(index).unwrap_or(u32::MAX), value, min, max }
}

/// Bounds whose default lies between the others, the least at least `floor`.
fn ordered<V: Value>(field: Field, index: usize, bounds: &Bounds<V>, floor: V) -> Checked {
	if bounds.is_ordered() && bounds.min >= floor {
		return Ok(());
	}
	let worst = if bounds.min < floor { bounds.min } else { bounds.default };
	Err(refused(field, index, worst.number(), bounds.min.number().max(floor.number()), bounds.max.number()))
}

/// Whether a name has 1 to [`MAX_NAME_BYTES`] bytes of UTF-8, not all blank, without control characters.
pub fn is_name(bytes: &[u8]) -> bool {
	let Ok(text) = core::str::from_utf8(bytes) else { return false };
	!text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn tier_name(index: usize, name: &Name) -> Checked {
	if is_name(name) {
		return Ok(());
	}
	let bytes = u32::try_from(name.len()).unwrap_or(u32::MAX);
	Err(refused(Field::TierName, index, bytes.into(), 1, MAX_NAME_BYTES.into()))
}

fn at_most(field: Field, count: usize, max: usize) -> Checked {
	if count <= max {
		return Ok(());
	}
	Err(refused(field, 0, count.saturated_into(), 0, max.saturated_into()))
}

/// The shares of a division with their fields.
fn fields<V: Copy>(division: &Division<V>) -> [(Field, V); 5] {
	[
		(Field::SplitOwner, division.owner),
		(Field::SplitInvestors, division.investors),
		(Field::SplitTreasury, division.treasury),
		(Field::SplitFans, division.fans),
		(Field::SplitPlatform, division.platform),
	]
}

fn is_whole(split: &RevenueSplit) -> Checked {
	let sum = maths::total(split);
	if sum == WHOLE {
		return Ok(());
	}
	Err(refused(Field::SplitSum, 0, sum.into(), WHOLE.into(), WHOLE.into()))
}

fn defaults(split: &SplitBounds) -> RevenueSplit {
	Division {
		owner: split.owner.default,
		investors: split.investors.default,
		treasury: split.treasury.default,
		fans: split.fans.default,
		platform: split.platform.default,
	}
}

/// Whether a template makes sense: every default is between its ends, the default split is whole, whatever has to be there
/// is at least 1.
pub fn check_template<Balance, BlockNumber>(template: &Template<Balance, BlockNumber>) -> Checked
where
	Balance: AtLeast32BitUnsigned + Copy,
	BlockNumber: AtLeast32BitUnsigned + Copy,
{
	for (field, bounds) in fields(&template.split) {
		ordered(field, 0, &bounds, Permill::zero())?;
	}
	is_whole(&defaults(&template.split))?;
	let InteractionBounds { max_message_bytes, max_reply_tokens, temperature_centi, price_permille } =
		&template.interaction;
	ordered(Field::MessageBytes, 0, max_message_bytes, 1)?;
	ordered(Field::ReplyTokens, 0, max_reply_tokens, 1)?;
	ordered(Field::Temperature, 0, temperature_centi, 0)?;
	ordered(Field::PricePermille, 0, price_permille, PLAIN_PRICE)?;
	for (index, tier) in template.tiers.iter().enumerate() {
		tier_name(index, &tier.name)?;
		ordered(Field::TierBonded, index, &whole(&tier.bonded), Whole(Balance::zero()))?;
		ordered(Field::TierSpent, index, &whole(&tier.spent), Whole(Balance::zero()))?;
	}
	ordered(Field::AdvancedFrom, 0, &template.advanced_from, 0)?;
	if let Some(round) = &template.round {
		let (none, one) = (Whole(Balance::zero()), Whole(Balance::one()));
		ordered(Field::RoundSupply, 0, &whole(&round.supply), one)?;
		ordered(Field::RoundPrice, 0, &whole(&round.price), none)?;
		ordered(Field::RoundSlope, 0, &whole(&round.slope), none)?;
		ordered(Field::RoundCap, 0, &whole(&round.cap), one)?;
		ordered(Field::RoundDuration, 0, &whole(&round.duration), Whole(BlockNumber::one()))?;
		ordered(Field::RoundPromise, 0, &round.promise, Permill::zero())?;
	}
	for (index, bounds) in template.dso.iter().enumerate() {
		ordered(Field::Dso, index, bounds, 0)?;
	}
	Ok(())
}

/// Whether a customisation is within the bounds of a template. What was promised to the investors widens theirs.
pub fn check<Balance, BlockNumber>(
	template: &Template<Balance, BlockNumber>,
	chosen: &Customisation<Balance>,
	promise: Permill,
) -> Checked
where
	Balance: AtLeast32BitUnsigned + Copy,
{
	let bounds = maths::with_promise(&template.split, promise);
	for ((field, share), (_, bounds)) in fields(&chosen.split).into_iter().zip(fields(&bounds)) {
		within(field, 0, share, &bounds)?;
	}
	is_whole(&chosen.split)?;
	let (value, bounds) = (&chosen.interaction, &template.interaction);
	within(Field::MessageBytes, 0, value.max_message_bytes, &bounds.max_message_bytes)?;
	within(Field::ReplyTokens, 0, value.max_reply_tokens, &bounds.max_reply_tokens)?;
	within(Field::Temperature, 0, value.temperature_centi, &bounds.temperature_centi)?;
	within(Field::PricePermille, 0, value.price_permille, &bounds.price_permille)?;
	at_most(Field::TierCount, chosen.tiers.len(), template.tiers.len())?;
	for (index, (tier, bounds)) in chosen.tiers.iter().zip(&template.tiers).enumerate() {
		tier_name(index, &tier.name)?;
		within(Field::TierBonded, index, Whole(tier.bonded), &whole(&bounds.bonded))?;
		within(Field::TierSpent, index, Whole(tier.spent), &whole(&bounds.spent))?;
	}
	within(Field::AdvancedFrom, 0, chosen.advanced_from, &template.advanced_from)?;
	at_most(Field::DsoCount, chosen.dso.len(), template.dso.len())?;
	for (index, (value, bounds)) in chosen.dso.iter().zip(&template.dso).enumerate() {
		within(Field::Dso, index, *value, bounds)?;
	}
	Ok(())
}

/// Whether an investment round is within the bounds of a template, promises no more than the split gives investors, and
/// all of its shares together have a price.
pub fn check_round<Balance, BlockNumber>(
	bounds: Option<&RoundBounds<Balance, BlockNumber>>,
	terms: &RoundTerms<Balance, BlockNumber>,
	split: &RevenueSplit,
) -> Checked
where
	Balance: AtLeast32BitUnsigned + Copy,
	BlockNumber: AtLeast32BitUnsigned + Copy,
{
	let bounds = bounds.ok_or(refused(Field::Round, 0, 1, 0, 0))?;
	within(Field::RoundSupply, 0, Whole(terms.supply), &whole(&bounds.supply))?;
	match terms.price {
		PriceRule::Fixed { price } => within(Field::RoundPrice, 0, Whole(price), &whole(&bounds.price))?,
		PriceRule::Linear { start, slope } => {
			within(Field::RoundPrice, 0, Whole(start), &whole(&bounds.price))?;
			within(Field::RoundSlope, 0, Whole(slope), &whole(&bounds.slope))?;
		}
	}
	within(Field::RoundCap, 0, Whole(terms.cap), &whole(&bounds.cap))?;
	within(Field::RoundDuration, 0, Whole(terms.duration), &whole(&bounds.duration))?;
	within(Field::RoundPromise, 0, terms.promise, &bounds.promise)?;
	if terms.promise > split.investors {
		return Err(refused(Field::RoundPromise, 0, terms.promise.number(), 0, split.investors.number()));
	}
	let most: u128 = Balance::max_value().saturated_into();
	let total = cost(&price(&terms.price), 0, terms.supply.saturated_into());
	match total {
		Some(total) if total <= most => Ok(()),
		_ => Err(refused(Field::RoundTotal, 0, total.unwrap_or(u128::MAX), 0, most)),
	}
}

/// A price rule in the numbers of [`maths`].
pub fn price<Balance: AtLeast32BitUnsigned + Copy>(rule: &PriceRule<Balance>) -> PriceRule<u128> {
	match rule {
		PriceRule::Fixed { price } => PriceRule::Fixed { price: (*price).saturated_into() },
		PriceRule::Linear { start, slope } => {
			PriceRule::Linear { start: (*start).saturated_into(), slope: (*slope).saturated_into() }
		}
	}
}

/// What was chosen, within the bounds of a template that may have moved since. What is missing is as the template has it,
/// what the template does not have is left out.
pub fn clamp<Balance, BlockNumber>(
	template: &Template<Balance, BlockNumber>,
	chosen: &Customisation<Balance>,
	promise: Permill,
) -> Customisation<Balance>
where
	Balance: AtLeast32BitUnsigned + Copy,
{
	let (value, bounds) = (&chosen.interaction, &template.interaction);
	let interaction = Interaction {
		max_message_bytes: bounds.max_message_bytes.clamp(value.max_message_bytes),
		max_reply_tokens: bounds.max_reply_tokens.clamp(value.max_reply_tokens),
		temperature_centi: bounds.temperature_centi.clamp(value.temperature_centi),
		price_permille: bounds.price_permille.clamp(value.price_permille),
	};
	let tiers: Vec<_> = template
		.tiers
		.iter()
		.enumerate()
		.map(|(index, bounds)| match chosen.tiers.get(index) {
			Some(tier) => FanTier {
				name: tier.name.clone(),
				bonded: bounds.bonded.clamp(tier.bonded),
				spent: bounds.spent.clamp(tier.spent),
			},
			None => FanTier { name: bounds.name.clone(), bonded: bounds.bonded.default, spent: bounds.spent.default },
		})
		.collect();
	let dso: Vec<_> = template
		.dso
		.iter()
		.enumerate()
		.map(|(index, bounds)| chosen.dso.get(index).map_or(bounds.default, |value| bounds.clamp(*value)))
		.collect();
	Customisation {
		split: maths::clamp_split(&chosen.split, &template.split, promise),
		interaction,
		tiers: frame_support::BoundedVec::truncate_from(tiers),
		advanced_from: template.advanced_from.clamp(chosen.advanced_from),
		dso: frame_support::BoundedVec::truncate_from(dso),
	}
}

/// What a template gives when nothing is chosen.
pub fn default_of<Balance, BlockNumber>(template: &Template<Balance, BlockNumber>) -> Customisation<Balance>
where
	Balance: AtLeast32BitUnsigned + Copy,
{
	let bounds = &template.interaction;
	let chosen = Customisation {
		split: defaults(&template.split),
		interaction: Interaction {
			max_message_bytes: bounds.max_message_bytes.default,
			max_reply_tokens: bounds.max_reply_tokens.default,
			temperature_centi: bounds.temperature_centi.default,
			price_permille: bounds.price_permille.default,
		},
		tiers: Default::default(),
		advanced_from: template.advanced_from.default,
		dso: Default::default(),
	};
	clamp(template, &chosen, Permill::zero())
}
