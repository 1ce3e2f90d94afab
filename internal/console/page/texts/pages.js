// The texts that several of the pages share that are loaded later.

export const texts = {
  remove: "Remove…",
  when: "When",
  what: "What",
  lastProblem: "Last problem",
  save: "Save",
  fieldsThatItsPullsLeave: "Fields that its pulls leave as they are here",
  noneSeparateSeveralByCommas: "none; separate several by commas",
};
