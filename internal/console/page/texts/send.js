// What is said about sending a file.

export const texts = {
  lost: "The file did not arrive: the connection was lost, or the file has changed since it was chosen. Choose it again and try once more; what is here already does no harm.",
};
