package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/store"
	"fullsync/internal/user"
)

func newUser(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Add, list and change the people who may sign in",
		Long: "Add, list and change the people who may sign in. It uses only the database, whether the node is running or not. The\n" +
			"password is asked for on a terminal, without showing it, or taken from the first line of standard input.",
		Args: onlyGroups,
		RunE: onlyGroups,
	}
	cmd.AddCommand(newUserAdd(io), newUserList(io), newUserPasswd(io), newUserRole(io),
		newUserSwitch(io, "disable", "Stop a user from signing in, and end their logins at once", (*user.Directory).Disable, "is disabled; every login has ended"),
		newUserSwitch(io, "enable", "Let a disabled user sign in again", (*user.Directory).Enable, "may sign in"),
		newUserSwitch(io, "end-logins", "End every login of a user at once; they may sign in again", (*user.Directory).EndLogins, "must sign in again; every login has ended"),
		newUserSwitch(io, "remove", "Remove a user, and end their logins at once", removeUser, "is removed; every login has ended"))
	return cmd
}

func newUserAdd(io IO) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:     "add NAME --role ROLE",
		Short:   "Add a user",
		Long:    "Add a user. Roles: viewer (reads), operator (also starts, cancels and resumes) and admin (everything).",
		Example: "  fullsync user add alice --role operator\n  pwgen -s 24 1 | fullsync user add bob --role viewer",
		Args:    usage(cobra.ExactArgs(1)),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().StringVar(&role, "role", "", "role of the user: viewer, operator or admin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		parsed, err := user.ParseRole(role)
		if err != nil {
			return &usageError{errors.New("--role must be viewer, operator or admin")}
		}
		if err := user.CheckName(args[0]); err != nil {
			return err
		}
		// The first user may be added before the first start.
		return withUsers(cmd.Context(), io, set, true, func(ctx context.Context, users *user.Directory) error {
			// Check this before anybody types a password for nothing.
			switch _, err := users.Find(ctx, args[0]); {
			case err == nil:
				return user.Exists(args[0])
			case fault.KindOf(err) != fault.NotFound:
				return err
			}
			password, err := newPassword(ctx, io, args[0])
			if err != nil {
				return err
			}
			u, err := users.Add(ctx, args[0], parsed, password)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.Err, "user %s may sign in as %s\n", u.Name, u.Role)
			return err
		})
	}
	return cmd
}

func newUserPasswd(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Change a user's password, and end their logins at once",
		Args:  usage(cobra.ExactArgs(1)),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withUsers(cmd.Context(), io, set, false, func(ctx context.Context, users *user.Directory) error {
			u, err := users.Find(ctx, args[0])
			if err != nil {
				return err
			}
			password, err := newPassword(ctx, io, u.Name)
			if err != nil {
				return err
			}
			if _, err := users.SetPassword(ctx, u.Name, password); err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.Err, "user %s has the new password; every login has ended\n", u.Name)
			return err
		})
	}
	return cmd
}

func newUserRole(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "role NAME ROLE",
		Short: "Change a user's role, and end their logins at once",
		Args:  usage(cobra.ExactArgs(2)),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		parsed, err := user.ParseRole(args[1])
		if err != nil {
			return &usageError{errors.New("the role must be viewer, operator or admin")}
		}
		return withUsers(cmd.Context(), io, set, false, func(ctx context.Context, users *user.Directory) error {
			u, err := users.SetRole(ctx, args[0], parsed)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.Err, "user %s is %s; every login with another role has ended\n", u.Name, u.Role)
			return err
		})
	}
	return cmd
}

// removeUser removes a user and returns them as they were.
func removeUser(users *user.Directory, ctx context.Context, name string) (user.User, error) { //nolint:revive // the order of a method expression
	u, err := users.Find(ctx, name)
	if err != nil {
		return u, err
	}
	return u, users.Remove(ctx, u.Name)
}

// newUserSwitch returns a command that does one thing to one user.
func newUserSwitch(io IO, name, short string, do func(*user.Directory, context.Context, string) (user.User, error), done string) *cobra.Command {
	cmd := &cobra.Command{Use: name + " NAME", Short: short, Args: usage(cobra.ExactArgs(1))}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withUsers(cmd.Context(), io, set, false, func(ctx context.Context, users *user.Directory) error {
			u, err := do(users, ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.Err, "user %s %s\n", u.Name, done)
			return err
		})
	}
	return cmd
}

func newUserList(io IO) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the users",
		Args:  usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withUsers(cmd.Context(), io, set, false, func(ctx context.Context, users *user.Directory) error {
			all, err := users.List(ctx)
			if err != nil {
				return err
			}
			return printUsers(io.Out, all, asJSON)
		})
	}
	return cmd
}

// listedUser is a user as `user list --json` shows it.
type listedUser struct {
	Name        string     `json:"name"`
	Role        auth.Role  `json:"role"`
	Disabled    bool       `json:"disabled"`
	CreatedAt   time.Time  `json:"createdAt"`
	LastLoginAt *time.Time `json:"lastLoginAt"`
}

func printUsers(out io.Writer, all []user.User, asJSON bool) error {
	listed := make([]listedUser, len(all))
	for i, u := range all {
		listed[i] = listedUser{Name: u.Name, Role: u.Role, Disabled: u.Disabled, CreatedAt: u.CreatedAt.UTC(), LastLoginAt: inUTC(u.LastLoginAt)}
	}
	if asJSON {
		return printJSON(out, map[string]any{"users": listed})
	}
	table := newTable(out)
	fmt.Fprintln(table, "NAME\tROLE\tSTATE\tLAST LOGIN")
	for _, u := range listed {
		state := "enabled"
		if u.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", u.Name, u.Role, state, orNever(u.LastLoginAt))
	}
	return table.Flush()
}

// withUsers calls work with the users in the configured database. With prepare, it first brings an empty or older database
// up to date; otherwise it refuses one.
func withUsers(ctx context.Context, io IO, set settings, prepare bool, work func(context.Context, *user.Directory) error) error {
	return withDatabase(ctx, io, set, prepare, func(ctx context.Context, db *store.Store) error {
		return work(ctx, user.NewDirectory(db, auth.NewHasher(1, auth.DefaultCost)))
	})
}
