# Bob's until he uploads a script of his own.
require ["fileinto", "mailbox"];

if exists "List-Id" {
    fileinto :create "Lists";
}
