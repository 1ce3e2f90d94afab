// The texts of the page of the settings.

export const texts = {
  explanation: "What the replica that answered runs with. Settings change with their variables and a restart.",
  onlyChanged: "Only those that are not the default",
  variable: "Variable",
  value: "Value",
  default: "Default",
  meaning: "What it is for",
  isDefault: "the default",
  isSecret: "set, and secret",
  notSet: "not set",
  perReplica: "may differ between replicas",
  none: "Every setting is the default.",
};
