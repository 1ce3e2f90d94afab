// The types know the API: if they did not, everything below would compile.
import { type Api, type Session, data } from "./client.js";

export async function check(api: Api, session: Session): Promise<void> {
  // @ts-expect-error: a session has no such member
  void session.nosuch;
  // @ts-expect-error: there is no such path
  await api.client.GET("/api/nosuch");
  const answer = data(await api.client.GET("/api/admin/sync/full-sync/status"));
  // @ts-expect-error: there may be no active session
  void answer.active.progress;
}
