package api

import (
	"context"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/user"
)

// userHandlers manage the people who may sign in.
type userHandlers struct{ users Users }

// ListUsers lists all users.
func (h *userHandlers) ListUsers(ctx context.Context, _ spec.ListUsersRequestObject) (spec.ListUsersResponseObject, error) {
	all, err := h.users.List(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.ListUsers200JSONResponse{Success: true, Users: []spec.UserAccount{}}
	for _, u := range all {
		out.Users = append(out.Users, accountOf(u))
	}
	return out, nil
}

// AddUser adds a user.
func (h *userHandlers) AddUser(ctx context.Context, r spec.AddUserRequestObject) (spec.AddUserResponseObject, error) {
	u, err := h.users.Add(ctx, r.Body.Name, auth.Role(r.Body.Role), r.Body.Password)
	if err != nil {
		return nil, err
	}
	return spec.AddUser201JSONResponse{
		Headers: spec.AddUser201ResponseHeaders{Location: underPrefix(ctx, "/api/admin/users/"+u.Name)},
		Body:    spec.UserResponse{Success: true, User: accountOf(u)},
	}, nil
}

// ChangeUser changes the members that are given.
func (h *userHandlers) ChangeUser(ctx context.Context, r spec.ChangeUserRequestObject) (spec.ChangeUserResponseObject, error) {
	u, err := h.users.Change(ctx, r.Name, user.Change{Role: (*auth.Role)(r.Body.Role), Disabled: r.Body.Disabled, Password: r.Body.Password})
	if err != nil {
		return nil, err
	}
	return spec.ChangeUser200JSONResponse{Success: true, User: accountOf(u)}, nil
}

// RemoveUser removes a user.
func (h *userHandlers) RemoveUser(ctx context.Context, r spec.RemoveUserRequestObject) (spec.RemoveUserResponseObject, error) {
	if err := h.users.Remove(ctx, r.Name); err != nil {
		return nil, err
	}
	return spec.RemoveUser200JSONResponse{Success: true, Message: "User removed successfully"}, nil
}

// EndLogins ends every login of a user.
func (h *userHandlers) EndLogins(ctx context.Context, r spec.EndLoginsRequestObject) (spec.EndLoginsResponseObject, error) {
	u, err := h.users.EndLogins(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	return spec.EndLogins200JSONResponse{Success: true, User: accountOf(u)}, nil
}

// accountOf renders a user.
func accountOf(u user.User) spec.UserAccount {
	return spec.UserAccount{
		Name: u.Name, Role: spec.UserRole(u.Role), Disabled: u.Disabled, CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
		LastLoginAt: inUTC(u.LastLoginAt),
	}
}
