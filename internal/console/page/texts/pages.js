// The texts that several of the pages share that are loaded later.

export const texts = {
  remove: "Remove…",
  when: "When",
  what: "What",
  lastProblem: "Last problem",
  save: "Save",
  /** @param {string} what */
  somebodyElseHasChanged: (what) => `Somebody else has changed this meanwhile: ${what}. What you have typed is still here; save again to put it in its place.`,
  /** @param {string} label @param {string} value */
  isNow: (label, value) => `${label} is now “${value}”`,
  fieldsThatItsPullsLeave: "Fields that its pulls leave as they are here",
  noneSeparateSeveralByCommas: "none; separate several by commas",
};
