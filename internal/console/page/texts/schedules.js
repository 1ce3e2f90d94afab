// The texts of the pages of the schedules.

export const texts = {
  schedule: "Schedule",
  runNow: "Run now",
  runs: "Runs",
  due: "Due",
  itHasNotRunYet: "It has not run yet.",
  changeTheSchedule: "Change the schedule",
  /** @param {string} name */
  scheduleIsSaved: (name) => `Schedule ${name} is saved.`,
  changeIt: "Change it",
  /** @param {string} name */
  scheduleOfName: (name) => `Schedule ${name}`,
  nextRuns: "Next runs",
  lastSession: "Last session",
  addedBy: "Added by",
  theClock: "the clock",
  none: "none",
  /** @param {string} name */
  removeSchedule: (name) => `Remove schedule ${name}?`,
  itsListOfRunsGoes: "Its list of runs goes too. The sessions that it started stay, and active ones go on.",
  removeScheduleNow: "Remove schedule",
  pushToPeers: "Push to peers",
  leavesTheRunOut: "leaves the run out",
  waitsForItsEnd: "waits for its end",
  whenMinuteHourDayOf: "When: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly.",
  timeZone: "Time zone",
  withThePeer: "With the peer",
  ifASyncIsRunning: "If a sync is running, it",
  randomDelayOfAtMost: "Random delay of at most, in seconds",
  nextRun: "Next run",
  lastRun: "Last run",
  thereIsNoScheduleYet: "There is no schedule yet.",
  addASchedule: "Add a schedule",
  addSchedule: "Add schedule",
  /** @param {string} name */
  scheduleIsAdded: (name) => `Schedule ${name} is added.`,
  /** @param {string} at @param {string} by */
  allSchedulesArePausedSince: (at, by) => `All schedules are paused since ${at}, by ${by}.`,
  resumeAll: "Resume all",
  pauseAll: "Pause all",
  from: "from",
  to: "to",
  /** @param {string} action @param {string} part @param {string} all @param {string} catalog */
  catalog: (action, part, all, catalog) => `${action} ${part} ${all}, catalog ${catalog}`,
  noneYet: "none yet",
  /** @param {string} name @param {string} all */
  startedWith: (name, all) => `Started ${name} with ${all}.`,
};
